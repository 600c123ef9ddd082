/// How a report looks: light and dark, from a phone to a wide screen, and on paper.
let styleSheet = #"""
  :root {
    --page: #fbfaf8; --panel: #ffffff; --ink: #1d1b19; --soft: #5f5a54; --rule: #d9d4cc;
    --accent: #8a3b12; --heat: #ee8a4e; --original: #3b6fb0; --manipulated: #c8501e;
    --region: #cfe8d3; --s0: #1f1f1f; --s1: #0072b2; --s2: #d55e00; --s3: #008f66;
    --s4: #b0528a; --s5: #8a6d00; --s6: #3a8fb7; --s7: #7a7a7a;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --page: #171614; --panel: #201f1c; --ink: #ece8e1; --soft: #a9a298; --rule: #3b3833;
      --accent: #f0a878; --heat: #a5431a; --original: #7fb0ee; --manipulated: #f08a5a;
      --region: #24402c; --s0: #ece8e1; --s1: #5fb4ea; --s2: #f0904d; --s3: #3fcf9d;
      --s4: #e08ac0; --s5: #e0c24a; --s6: #8ad0f0; --s7: #a0a0a0;
    }
  }
  * { box-sizing: border-box; }
  body {
    margin: 0 auto; padding: 1.5rem clamp(0.9rem, 3vw, 3rem) 3rem; max-width: 100rem;
    background: var(--page); color: var(--ink);
    font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  }
  h1 { font-size: clamp(1.5rem, 4vw, 2.2rem); line-height: 1.2; margin: 0 0 0.6rem; }
  h1, h3, .name { overflow-wrap: anywhere; unicode-bidi: isolate; }
  h2 { font-size: 1.3rem; margin: 2.4rem 0 0.6rem; border-top: 1px solid var(--rule); padding-top: 1rem; }
  h3 { font-size: 1rem; margin: 0; }
  p { margin: 0 0 0.8rem; max-width: 75ch; }
  a { color: var(--accent); }
  .kicker, .note, .file, small, figcaption, dt { color: var(--soft); }
  .kicker { margin: 0; font-size: 0.9rem; }
  .headline { font-size: 1.15rem; max-width: 65ch; }
  ul.headline { padding-left: 1.2rem; }
  nav { display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; }
  nav a { padding: 0.2rem 0; }
  .note { font-size: 0.9rem; }
  :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
  .tables { display: flex; flex-wrap: wrap; gap: 1rem 3rem; align-items: flex-start; margin-bottom: 0.8rem; }
  .scroll { overflow-x: auto; max-width: 100%; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  caption { text-align: left; font-weight: 600; padding-bottom: 0.3rem; }
  th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid var(--rule); }
  td { text-align: right; white-space: nowrap; }
  th { font-weight: 500; text-align: left; }
  thead th { text-align: right; color: var(--soft); }
  thead th[colspan] { text-align: center; }
  .run th { font-weight: 600; padding-top: 0.8rem; }
  .heat {
    background: color-mix(in srgb, var(--heat) var(--share), transparent);
    print-color-adjust: exact; -webkit-print-color-adjust: exact;
  }
  .aim { box-shadow: inset 0 0 0 2px var(--ink); font-weight: 600; }
  .charts { display: grid; gap: 1.2rem 2rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); }
  figure { margin: 0; min-width: 0; }
  .chart { max-width: 44rem; }
  .chart figcaption { color: var(--ink); font-weight: 600; overflow-wrap: anywhere; }
  .chart svg { width: 100%; height: auto; display: block; }
  .grid { stroke: var(--rule); stroke-width: 1; }
  .tick { fill: var(--soft); font-size: 12.5px; }
  .end { text-anchor: end; }
  .middle { text-anchor: middle; }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
  .line.s0 { stroke: var(--s0); } .line.s1 { stroke: var(--s1); stroke-dasharray: 7 2; }
  .line.s2 { stroke: var(--s2); } .line.s3 { stroke: var(--s3); stroke-dasharray: 3 2; }
  .line.s4 { stroke: var(--s4); } .line.s5 { stroke: var(--s5); stroke-dasharray: 7 2; }
  .line.s6 { stroke: var(--s6); } .line.s7 { stroke: var(--s7); stroke-dasharray: 3 2; }
  .dot.s0 { fill: var(--s0); } .dot.s1 { fill: var(--s1); } .dot.s2 { fill: var(--s2); }
  .dot.s3 { fill: var(--s3); } .dot.s4 { fill: var(--s4); } .dot.s5 { fill: var(--s5); }
  .dot.s6 { fill: var(--s6); } .dot.s7 { fill: var(--s7); }
  .line.spread { stroke-width: 1; stroke-dasharray: none; stroke-opacity: 0.7; }
  .band { stroke: none; fill-opacity: 0.16; }
  .band.s0 { fill: var(--s0); } .band.s1 { fill: var(--s1); } .band.s2 { fill: var(--s2); }
  .band.s3 { fill: var(--s3); } .band.s4 { fill: var(--s4); } .band.s5 { fill: var(--s5); }
  .band.s6 { fill: var(--s6); } .band.s7 { fill: var(--s7); }
  .bar { stroke-width: 1.5; }
  .bar.original { fill: color-mix(in srgb, var(--original) 25%, transparent); stroke: var(--original); }
  .bar.manipulated { fill: color-mix(in srgb, var(--manipulated) 55%, transparent); stroke: var(--manipulated); }
  .region { fill: var(--region); }
  .threshold { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 4 3; }
  .legend { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.1rem 1.1rem; font-size: 0.85rem; }
  .legend li { overflow-wrap: anywhere; }
  .key { display: inline-block; width: 1.3em; height: 0.7em; margin-right: 0.4em; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .key.s0 { background: var(--s0); } .key.s1 { background: var(--s1); } .key.s2 { background: var(--s2); }
  .key.s3 { background: var(--s3); } .key.s4 { background: var(--s4); } .key.s5 { background: var(--s5); }
  .key.s6 { background: var(--s6); } .key.s7 { background: var(--s7); }
  .key.original { background: color-mix(in srgb, var(--original) 30%, transparent); border: 2px solid var(--original); }
  .key.manipulated { background: color-mix(in srgb, var(--manipulated) 60%, transparent); border: 2px solid var(--manipulated); }
  .key.fooled { background: var(--region); }
  .toolbar {
    position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; gap: 0.4rem 1.4rem;
    align-items: center; padding: 0.5rem 0; margin-bottom: 0.8rem; background: var(--page);
    border-bottom: 1px solid var(--rule); font-size: 0.9rem;
  }
  .toolbar fieldset { border: 0; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.2rem 0.8rem; }
  .toolbar legend { float: left; padding: 0 0.6rem 0 0; }
  .toolbar label { display: inline-flex; align-items: center; gap: 0.35rem; }
  input, select { font: inherit; color: inherit; accent-color: var(--accent); }
  select { background: var(--panel); border: 1px solid var(--rule); border-radius: 4px; padding: 0.15rem 0.3rem; max-width: 14rem; }
  .toolbar input[type=range] { width: 7rem; }
  .cards { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)); align-items: start; }
  .card { background: var(--panel); border: 1px solid var(--rule); border-radius: 6px; padding: 0.8rem; min-width: 0; }
  .file { margin: 0; font-size: 0.8rem; }
  .predictions { display: grid; grid-template-columns: auto 1fr; gap: 0 0.7rem; margin: 0.2rem 0 0.5rem; font-size: 0.85rem; }
  .predictions dd { margin: 0; font-variant-numeric: tabular-nums; }
  .wrong { text-decoration: underline wavy; text-underline-offset: 3px; }
  .stages { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0.5rem; font-size: 0.8rem; align-items: start; }
  .stages figcaption { line-height: 1.25; font-variant-numeric: tabular-nums; }
  .photo { position: sticky; top: 3.5rem; padding-top: 1.5em; }
  .pairs { grid-column: 2 / 4; display: grid; gap: 0.5rem; }
  .photo img { width: 100%; height: auto; display: block; }
  .pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 0.5rem; }
  .what { grid-column: 1 / 3; margin: 0; line-height: 1.5em; font-weight: 500; }
  .stage { position: relative; }
  .stage img { width: 100%; height: auto; display: block; }
  .stage canvas { position: absolute; inset: 0; width: 100%; height: 100%; opacity: var(--opacity, 80%); }
  .fooled { color: var(--manipulated); }
  .wipe { display: none; grid-column: 1 / 3; }
    .wipe input { width: 100%; margin: 0; display: block; }
  [data-mode=original] .pair .manipulated, [data-mode=manipulated] .pair .original { display: none; }
  [data-mode=original] .pair figure, [data-mode=manipulated] .pair figure { grid-column: 1 / 3; }
  [data-mode=slider] .pair figure { grid-row: 2; grid-column: 1 / 3; }
  [data-mode=slider] .pair .original figcaption { text-align: left; width: 50%; }
  [data-mode=slider] .pair .manipulated figcaption { text-align: right; width: 50%; margin-left: 50%; }
  [data-mode=slider] .pair .manipulated .stage { clip-path: inset(0 0 0 var(--wipe, 50%)); }
    [data-mode=slider] .wipe { display: block; }
  dl { margin: 0 0 0.8rem; }
  #record dl { display: grid; grid-template-columns: minmax(6rem, auto) 1fr; gap: 0.1rem 1.2rem; }
  #record dd { margin: 0; min-width: 0; }
  pre { overflow-x: auto; background: var(--panel); border: 1px solid var(--rule); border-radius: 6px; padding: 0.8rem; font-size: 0.85rem; }
  summary { cursor: pointer; }
  footer { margin-top: 2.5rem; border-top: 1px solid var(--rule); padding-top: 0.8rem; font-size: 0.85rem; color: var(--soft); }
  @media (max-width: 40rem) {
    .toolbar { position: static; }
    #record dl { display: block; }
    #record dd { margin-bottom: 0.5rem; }
  }
  @media print {
    :root {
      --page: #ffffff; --panel: #ffffff; --ink: #000000; --soft: #444444; --rule: #bbbbbb;
      --accent: #000000; --heat: #ee8a4e; --original: #3b6fb0; --manipulated: #c8501e;
      --region: #cfe8d3; --s0: #1f1f1f; --s1: #0072b2; --s2: #d55e00; --s3: #008f66;
      --s4: #b0528a; --s5: #8a6d00; --s6: #3a8fb7; --s7: #7a7a7a;
    }
    body { padding: 0; font-size: 9.5pt; }
  .photo { position: static; }
    nav, .toolbar, .wipe, [data-mode=slider] .wipe { display: none; }
    .card, .chart, tr { break-inside: avoid; }
    h2 { break-after: avoid; }
    .cards { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0.5rem; }
    .many { grid-column: 1 / -1; }
    .many .stages { grid-template-columns: repeat(9, minmax(0, 1fr)); }
    .many .pairs { grid-column: 2 / 10; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 0.3rem 0.7rem; align-items: start; }
    .charts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
    .chart svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  }
  """#
