/// The program of the gallery: colours heatmaps when they come into view, sorts, and switches what is
/// shown. Names from files never pass through it as HTML.
let galleryProgram = #"""
  (function () {
    'use strict';
    const decode = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
    const colors = { plain: decode('PLAIN_COLORS'), signed: decode('SIGNED_COLORS') };
    const gallery = document.getElementById('gallery');
    const cards = gallery.querySelector('.cards');
    const form = gallery.querySelector('form');
    const longest = 168;

    // Between which levels of a side a pixel lies, and how near to the second.
    function places(count, levels) {
      return Array.from({ length: count }, (_, i) => {
        const at = Math.min(Math.max((i + 0.5) * levels / count - 0.5, 0), levels - 1);
        const first = Math.floor(at);
        return [first, Math.min(first + 1, levels - 1), at - first];
      });
    }

    function draw(canvas) {
      if (canvas.dataset.drawn) return;
      canvas.dataset.drawn = '1';
      const levels = decode(canvas.dataset.map);
      const wide = Number(canvas.dataset.columns), tall = Number(canvas.dataset.rows);
      const signed = canvas.dataset.signed === '1';
      const photo = canvas.closest('.card').querySelector('img');
      const scale = longest / Math.max(photo.width, photo.height);
      canvas.width = Math.max(1, Math.round(photo.width * scale));
      canvas.height = Math.max(1, Math.round(photo.height * scale));
      const columns = places(canvas.width, wide), rows = places(canvas.height, tall);
      const context = canvas.getContext('2d');
      const picture = context.createImageData(canvas.width, canvas.height);
      const table = signed ? colors.signed : colors.plain;
      let offset = 0;
      for (const [top, bottom, down] of rows) {
        for (const [left, right, along] of columns) {
          const a = levels[top * wide + left], b = levels[top * wide + right];
          const c = levels[bottom * wide + left], d = levels[bottom * wide + right];
          const upper = a + (b - a) * along, lower = c + (d - c) * along;
          const level = Math.round(upper + (lower - upper) * down);
          const strength = signed ? Math.min(1, Math.abs(level - 128) / 127) : level / 255;
          picture.data[offset] = table[3 * level];
          picture.data[offset + 1] = table[3 * level + 1];
          picture.data[offset + 2] = table[3 * level + 2];
          picture.data[offset + 3] = 255 * (0.25 + 0.75 * strength);
          offset += 4;
        }
      }
      context.putImageData(picture, 0, 0);
    }

    function prepare(card) {
      if (card.dataset.ready) return;
      card.dataset.ready = '1';
      const photo = card.querySelector('.photo img');
      for (const stage of card.querySelectorAll('.stage')) {
        const copy = photo.cloneNode();
        copy.alt = '';
        stage.prepend(copy);
        draw(stage.querySelector('canvas'));
      }
    }

    const all = Array.from(cards.children);
    const observer = new IntersectionObserver(entries => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        observer.unobserve(entry.target);
        prepare(entry.target);
      }
    }, { rootMargin: '400px' });
    all.forEach(card => observer.observe(card));
    addEventListener('beforeprint', () => all.forEach(prepare));

    function compare(order, key) {
      const number = (card, name) => {
        const text = name === 'fooled' ? card.dataset.fooled.split(' ')[key] : card.dataset[name];
        return text === '' || text === undefined ? null : Number(text);
      };
      // Cards without the number come last, whatever the direction.
      const by = (name, sign) => (a, b) => {
        const x = number(a, name), y = number(b, name);
        if (x === null || y === null) return (x === null) - (y === null);
        return sign * (x - y);
      };
      switch (order) {
        case 'most': return by('fooled', -1);
        case 'least': return by('fooled', 1);
        case 'confidence': return by('lost', -1);
        case 'label': return (a, b) => a.dataset.label.localeCompare(b.dataset.label);
        default: return () => 0;
      }
    }

    function update() {
      gallery.dataset.mode = form.elements.mode.value;
      gallery.style.setProperty('--opacity', form.elements.opacity.value + '%');
    }
    function sort() {
      const key = form.elements.key ? Number(form.elements.key.value) : 0;
      const chosen = compare(form.elements.order.value, key);
      const place = card => Number(card.dataset.order);
      all.sort((a, b) => chosen(a, b) || place(a) - place(b));
      cards.append(...all);
    }
    form.addEventListener('input', event => {
      if (event.target.name === 'order' || event.target.name === 'key') sort();
      else update();
    });
    form.addEventListener('submit', event => event.preventDefault());
    cards.addEventListener('input', event => {
      event.target.closest('.pair').style.setProperty('--wipe', event.target.value + '%');
    });
    update();
    sort();
  })();
  """#
