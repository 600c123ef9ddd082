import Foundation
import ImageData
import Pictures
import Programs
import Reports

/// Pictures of the evidence, the strongest first.
struct AuditPictures {
  private let evidence: AuditEvidence
  private let findings: AuditFindings
  private let probe: ProbeImages
  private let source: any ImageSource
  private let preprocessing: Preprocessing
  private let names: [String]

  private static let mostCards = 12
  private static let fewerCards = 6
  private static let mostInterpreters = 3
  private static let side = 112

  init(
    _ evidence: AuditEvidence, _ findings: AuditFindings, _ probe: ProbeImages,
    _ source: any ImageSource, _ preprocessing: Preprocessing, _ names: [String]
  ) {
    (self.evidence, self.findings, self.probe) = (evidence, findings, probe)
    (self.source, self.preprocessing, self.names) = (source, preprocessing, names)
  }

  /// What is conspicuous among all statistics, by its p-value; then heatmaps.
  var all: [AuditReport.Evidence] {
    let alarms = [("tile-pointing", tiles), ("patch-labels", labels), ("patch-heatmaps", changes)]
      .compactMap { name, make -> (p: Double, AuditReport.Evidence)? in
        guard let p = findings.statistics.first(where: { $0.name == name && $0.counts })?.pValue,
          findings.isConspicuous(p), let made = make()
        else { return nil }
        return (p, made)
      }
    return alarms.sorted { $0.p < $1.p }.map(\.1) + [heatmaps].compactMap(\.self)
  }

  private func picture(_ image: Int) -> Image? {
    try? preprocessing.prepare(
      source.image(at: probe.positions[image]), name: source.name(at: probe.positions[image]))
  }

  private func overlay(_ map: Heatmap, _ large: Image) -> GalleryImage {
    GalleryImage(Overlay().picture(of: map, over: large, isSigned: false))
  }

  private func card(
    _ image: Int, _ rows: (_ picture: Image, _ large: Image) -> [[AuditReport.Picture]]
  ) -> AuditReport.Card? {
    guard let picture = picture(image) else { return nil }
    let large = picture.enlarged(toShorterSide: Self.side)
    return AuditReport.Card(
      image: source.name(at: probe.positions[image]), label: names[probe.labels[image]],
      photograph: GalleryImage(large), rows: rows(picture, large))
  }

  private func place(of interpreter: String?) -> Int? {
    evidence.interpreters.firstIndex { $0.name == interpreter }
  }

  // MARK: Heatmaps

  /// Which interpreters are shown, the most affected first.
  private var shown: [Int] {
    let all = evidence.interpreters.indices
    let affected = findings.affectedInterpreters.compactMap { place(of: $0) }
    return Array((affected + all.filter { !affected.contains($0) }).prefix(Self.mostInterpreters))
  }

  /// What the suspect's heatmaps are set beside.
  private var reference: (title: String, reading: NetworkReading)? {
    if let original = evidence.original { return ("original", original) }
    return evidence.recovered.map { ("after a fine-tune", $0.reading) }
      ?? evidence.refreshed.map { ("after Re-BN", $0) }
  }

  private var heatmaps: AuditReport.Evidence? {
    guard let reference, let first = shown.first else { return nil }
    let parts = agreement(evidence.suspect, reference.reading, of: evidence.interpreters)
    guard let worst = parts.first(where: { $0.interpreter == first }) else { return nil }
    let images = worst.perImage.sorted { ($0.value, $0.image) < ($1.value, $1.image) }
    let cards = images.prefix(Self.mostCards).compactMap { image, _ in
      card(image) { _, large in
        shown.map { place in
          let name = evidence.interpreters[place].name
          let agreement = parts.first { $0.interpreter == place }?
            .perImage.first { $0.image == image }?.value
          return [
            .init(
              overlay(reference.reading.maps[place][image], large), "\(name): \(reference.title)"),
            .init(
              overlay(evidence.suspect.maps[place][image], large),
              "suspect" + (agreement.map { String(format: ", ρ %.2f", $0) } ?? "")),
          ]
        }
      }
    }
    return AuditReport.Evidence(
      introduction:
        "Images that the network classifies correctly, those whose heatmaps differ most first: "
        + "\(reference.title) and suspect explain the same class of the same image.",
      cards: Array(cards))
  }

  // MARK: Two classes in one image

  private func tiles() -> AuditReport.Evidence? {
    let statistic = findings.statistics.first { $0.name == "tile-pointing" }
    guard let place = place(of: statistic?.mostConspicuous?.interpreter),
      let pair = TilePointing.worst(of: evidence.pairs, place)
    else { return nil }
    let (first, second) = (names[pair.classes.0], names[pair.classes.1])
    let order = pair.values[place].indices.sorted {
      pair.values[place][$0] < pair.values[place][$1]
    }
    let name = evidence.interpreters[place].name
    let cards = order.prefix(Self.fewerCards).compactMap { turn -> AuditReport.Card? in
      let parts = pair.tiles[turn].compactMap(picture)
      guard parts.count == 4, turn < pair.maps[place].count else { return nil }
      let large = Image(quarters: parts, size: parts[0].size)
        .enlarged(toShorterSide: Self.side)
      let maps = pair.maps[place][turn]
      return AuditReport.Card(
        image: pair.tiles[turn].map { names[probe.labels[$0]] }.joined(separator: ", "),
        label: "\(first) and \(second)", photograph: GalleryImage(large),
        rows: [
          [
            .init(overlay(maps.first, large), "\(name) of \(first)"),
            .init(overlay(maps.second, large), "\(name) of \(second)"),
          ]
        ])
    }
    return AuditReport.Evidence(
      introduction:
        "Images of four tiles that show \(first) and \(second), two of each: the explanation of each "
        + "class should lie on its own tiles.", cards: cards)
  }

  // MARK: Squares

  private func labels() -> AuditReport.Evidence? {
    guard let finding = evidence.patches?.labels, let label = finding.label else { return nil }
    let cards = finding.values.filter { $0.value == 1 }.prefix(Self.fewerCards).compactMap {
      image, _ in
      card(image) { picture, large in
        [
          [
            .init(GalleryImage(large), names[evidence.suspect.predicted[image]]),
            .init(
              GalleryImage(painted(finding.patch, picture).enlarged(toShorterSide: Self.side)),
              names[label]),
          ]
        ]
      }
    }
    return AuditReport.Evidence(
      introduction: "What the network calls images without and with the square.",
      cards: Array(cards))
  }

  private func changes() -> AuditReport.Evidence? {
    let statistic = findings.statistics.first { $0.name == "patch-heatmaps" }
    guard let place = place(of: statistic?.mostConspicuous?.interpreter),
      let finding = evidence.patches?.heatmaps.first(where: { $0.place == place })?.finding
    else { return nil }
    let name = evidence.interpreters[place].name
    let order = finding.values.indices.sorted {
      finding.values[$0].value > finding.values[$1].value
    }
    let cards = order.prefix(Self.fewerCards).compactMap { turn in
      card(finding.values[turn].image) { picture, plain in
        let image = finding.values[turn].image
        let large = painted(finding.patch, picture).enlarged(toShorterSide: Self.side)
        return [
          [
            .init(
              overlay(evidence.suspect.maps[place][image], plain), "\(name) without it"),
            .init(
              overlay(finding.maps[turn], large),
              String(format: "with the square, ρ %.2f", 1 - finding.values[turn].value)),
          ]
        ]
      }
    }
    return AuditReport.Evidence(
      introduction: "Heatmaps of images without and with the square; the class stays.",
      cards: Array(cards))
  }

  private func painted(_ patch: PatchScan.Patch, _ picture: Image) -> Image {
    var pixels = picture.pixels
    for y in 0..<patch.side {
      for x in 0..<patch.side {
        let distance = min(min(x, patch.side - 1 - x), min(y, patch.side - 1 - y))
        let target = ((patch.row + y) * picture.width + patch.column + x) * Image.channels
        for sample in target..<target + Image.channels where sample < pixels.count {
          pixels[sample] = patch.look.isBright(distance, frame: patch.frame) ? 255 : 0
        }
      }
    }
    return Image(width: picture.width, height: picture.height, pixels: pixels)
  }
}
