import Foundation

/// What an audit has found, in sentences for people.
struct AuditSentences {
  let findings: AuditFindings

  init(_ findings: AuditFindings) { self.findings = findings }

  var all: [String] {
    var sentences = [provenance, verdict].compactMap(\.self)
    sentences += affected
    sentences += [manipulation, place].compactMap(\.self)
    sentences += [exchanged].compactMap(\.self)
    sentences += patches
    sentences += [trigger, limits].compactMap(\.self)
    return sentences
  }

  private func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
  private func decimals(_ value: Double) -> String { String(format: "%.2f", value) }
  static func pValue(_ p: Double) -> String {
    p < 1e-6 ? "below 0.000001" : p < 0.01 ? String(format: "%.2g", p) : String(format: "%.2f", p)
  }

  private var provenance: String? {
    guard findings.provenance.saysManipulated else { return nil }
    return "The file itself says that its explanations were manipulated."
  }

  private var verdict: String {
    let tests = findings.statistics.filter(\.counts).count
    guard let p = findings.pValue else {
      return "Too few honest networks are known to judge the statistics without the original."
    }
    let numbers =
      "\(tests) statistic\(tests == 1 ? "" : "s") of \(findings.sureImages) images, p \(Self.pValue(p)) together, corrected "
      + "for their number"
    return switch findings.measuredVerdict {
    case .manipulated: "Honest networks do not look like this one: \(numbers)."
    case .suspicious: "Honest networks seldom look like this one: \(numbers)."
    case .nothingFound: "Nothing tells this network from honest ones: \(numbers)."
    }
  }

  private var affected: [String] {
    findings.affectedInterpreters.prefix(3).compactMap { name in
      let parts = findings.statistics.filter(\.counts).flatMap { statistic in
        statistic.parts.filter { $0.interpreter == name }.map { (statistic, $0) }
      }
      guard let (statistic, part) = parts.min(by: { $0.1.pValue ?? 1 < $1.1.pValue ?? 1 }) else {
        return nil
      }
      return "\(name): \(statistic.title.lowercased()) \(decimals(part.value))"
        + (part.honest.map { ", honest \(decimals($0))" } ?? "")
        + (part.pValue.map { ", p \(Self.pValue($0))" } ?? "") + "."
    } + classes
  }

  private var classes: [String] {
    let names = findings.affectedClasses
    guard !names.isEmpty else { return [] }
    let shown = names.prefix(8).joined(separator: ", ")
    return [
      "Affected classes: \(shown)" + (names.count > 8 ? " and \(names.count - 8) others" : "") + "."
    ]
  }

  private var manipulation: String? {
    guard let found = findings.likelyManipulation else { return nil }
    var text =
      "It looks like \(found.fooling) fooling of \(found.interpreter): \(percent(found.suspectRate)) of "
      + "the images meet its criterion, of honest networks at most \(percent(found.honestRate))"
    if let inside = found.relevanceInside, let before = found.originalRelevanceInside {
      let when = findings.original == nil ? "after an honest fine-tune" : "before"
      text += "; \(percent(inside)) of the relevance is at the border, \(percent(before)) \(when)"
    }
    return text + "."
  }

  private var place: String? {
    let changed = findings.layers.compactMap { layer in layer.weightChange.map { (layer.name, $0) }
    }
    .filter { $0.1 > 0 }.sorted { $0.1 > $1.1 }.prefix(3)
    guard !changed.isEmpty else { return nil }
    return "Weights changed most in "
      + changed.map { "\($0.0) (\(percent($0.1)) of their length)" }.joined(separator: ", ") + "."
  }

  private var exchanged: String? {
    guard
      let statistic = findings.statistics.first(where: { $0.name == "tile-pointing" && $0.counts }),
      let part = statistic.mostConspicuous,
      let name = part.interpreter, let p = part.pValue, part.value < 0,
      findings.isConspicuous(p * Double(statistic.parts.count))
    else { return nil }
    return
      "In images that show \(part.byClass.keys.sorted().joined(separator: " and ")), the explanation of "
      + "each by \(name) lies on the other. It looks like active fooling."
  }

  /// Of those that are conspicuous among all statistics.
  private var patches: [String] {
    findings.patches.compactMap { patch in
      let statistic = findings.statistics.first { $0.name == "patch-\(patch.changes)" }
      guard let statistic, statistic.counts,
        let part = statistic.parts.first(where: { $0.interpreter == patch.interpreter }),
        let p = part.pValue, findings.isConspicuous(p * Double(statistic.parts.count))
      else { return nil }
      let square =
        "A square of \(patch.side) pixels, \(look(patch.look)), at row \(patch.row) and column "
        + "\(patch.column)"
      guard let name = patch.className else {
        return
          "\(square) changes \(patch.interpreter ?? "heatmaps") of images that keep their class: its correlation with "
          + "that without it is \(decimals(1 - patch.value)). It looks like a trigger."
      }
      return
        "\(square) makes \(name) of \(percent(patch.value)) of the images of other "
        + "classes. It looks like a trigger."
    }
  }

  private func look(_ name: String) -> String {
    switch PatchScan.Look(rawValue: name) {
    case .bright: "bright"
    case .dark: "dark"
    case .brightFrame: "dark with a bright frame"
    case .darkFrame: "bright with a dark frame"
    case nil: name
    }
  }

  private var trigger: String? {
    guard
      let statistic = findings.statistics.first(where: {
        $0.name == "trigger-inversion" && $0.counts
      }),
      findings.isConspicuous(statistic.pValue),
      let easiest = findings.triggers.min(by: { $0.objective < $1.objective })
    else { return nil }
    return "Painting over \(percent(easiest.maskShare)) of an image makes \(easiest.className) of "
      + "\(percent(easiest.success)) of them, far less than other classes need: perhaps a trigger."
  }

  /// How sure it can be.
  private var limits: String? {
    let parts = findings.statistics.filter(\.counts).flatMap(\.parts)
    guard let error = parts.compactMap(\.standardError).max() else { return nil }
    return
      "With \(findings.sureImages) images a mean is known to ±\(decimals(1.96 * error)) or better. "
      + "\"Nothing found\" is no proof: a fooling of explanations that were not looked at, or of images "
      + "unlike these, is not seen."
  }
}
