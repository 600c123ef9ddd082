import Checkpoints
import Foundation
import Manipulation
import Similarity

extension Summary {
  /// What a fooling or an evaluation found, within 80 columns.
  var table: String {
    func row(_ name: String, _ accuracy: Accuracy) -> [String] {
      [name, Format.percent(accuracy.top1), Format.percent(accuracy.top5)]
    }
    // Percentage points, in the columns of the percentages; the sign tells a rise from a fall.
    func change(_ drop: Accuracy) -> [String] {
      ["change, points"] + [drop.top1, drop.top5].map { Format.change(-$0) + "  " }
    }
    let hasControl = control != nil
    let accuracies = Format.table(
      [
        ["accuracy", "top-1", "top-5"], row("original", accuracy.original),
        row(testedName, accuracy.manipulated), change(accuracy.drop),
      ] + (control.map { [row("control (λ = 0)", $0.accuracy), change($0.drop)] } ?? []))
    func table(_ title: String, _ rows: [[String]]) -> String {
      let head = [title, "original"] + (hasControl ? ["control"] : []) + [testedName]
      return rows.isEmpty ? "" : Format.table([head] + rows) + "\n"
    }
    func cells(_ shares: Compared) -> [String] {
      [Format.percent(shares.original)]
        + (hasControl ? [shares.control.map(Format.percent) ?? "–"] : [])
        + [Format.percent(shares.manipulated)]
    }
    let rates = table(
      "fooling success rate (\(fooling))",
      interpreters.map { name in
        [name]
          + cells(compared(name))
      })
    let inside = table(
      "mean share of relevance inside the mask",
      interpreters.compactMap { name in relevanceInside?[name].map { [name] + cells($0) } })
    let empty = table(
      "all-zero heatmaps",
      interpreters.compactMap { name -> [String]? in
        guard let shares = vanishedMaps?[name],
          shares.original > 0 || shares.manipulated > 0 || (shares.control ?? 0) > 0
        else { return nil }
        return [name] + cells(shares)
      })
    let triggered = foolingTables.map { own in
      table(
        printable(own.title),
        own.rows.map { name, values in
          [name]
            + (own.areShares
              ? cells(values)
              : [Format.decimals(values.original, 3)]
                + (hasControl ? [values.control.map { Format.decimals($0, 3) } ?? "–"] : [])
                + [Format.decimals(values.manipulated, 3)])
        })
    }.joined()
    let worst = table(
      "least fooled classes (\(interpreter))",
      (classes ?? []).count < 2
        ? []
        : leastFooledClasses(3).map { [printable($0.name)] + cells($0.fsr[interpreter]!) })
    var facts = ["\(validationImages) images"]
    if skippedImages > 0 { facts.append("\(skippedImages) omitted") }
    if steps > 0 {
      facts.append("\(steps) steps at \(Format.decimals(imagesPerSecond, 1)) images/s")
    }
    facts += [Format.duration(seconds), Format.bytes(peakMemoryBytes) + " of memory"]
    var sentences = classWarnings.map { "\($0)." }
    if let warning { sentences.insert(warning, at: 0) }
    if let advice { sentences.append("\(advice).") }
    sentences += budget?.sentences(fooled) ?? []
    let notes = sentences.map { text in
      let lines = Format.wrapped("", "Note: \(printable(text))", width: 80)
      return lines.map { $0[1] + "\n" }.joined() + "\n"
    }.joined()
    return accuracies + "\n" + rates + triggered + inside + empty + worst + metricTables + notes
      + facts.joined(separator: ", ") + "\n"
  }
}

extension TrainingSummary {
  /// What a standard training reached, within 80 columns.
  var table: String {
    Format.table([
      ["accuracy", "top-1", "top-5"],
      ["validation", Format.percent(top1), Format.percent(top5)],
    ])
      + "\n\(validationImages) images, \(steps) steps at "
      + "\(Format.decimals(imagesPerSecond, 1)) images/s, \(Format.duration(seconds)), "
      + "\(Format.bytes(peakMemoryBytes)) of memory\n"
  }
}

extension AttackSummary {
  /// What the attacks reached: means over the images, within 80 columns.
  var table: String {
    let measures = SimilarityMeasures.all(topK: topK)
    let rows = results.map { result in
      [result.method, String(format: "%g", result.epsilon)]
        + measures.map { Format.decimals(result.means[$0.name] ?? .nan, 3) }
        + [Format.decimals(100 * result.keptLabels, 1)]
    }
    let head = ["attack", "ε"] + measures.map(\.title) + ["kept %"]
    let targets = results.compactMap { result in
      result.target.map { target in
        [result.method, String(format: "%g", result.epsilon)]
          + SimilarityMeasures.toTarget.flatMap { measure in
            [target.clean, target.perturbed].map {
              Format.decimals($0[measure.name] ?? .nan, 3)
            }
          } + [Format.decimals(target.imageMSE, 2), Format.decimals(target.logitMSE, 3)]
      }
    }
    let toTarget =
      targets.isEmpty
      ? ""
      : Format.table(
        [
          ["to the target", "ε"]
            + SimilarityMeasures.toTarget.flatMap { [$0.title, "after"] } + ["image", "logits"]
        ] + targets) + "\n"
    let random = (randomSimilarities ?? []).map { similarity in
      ["mean of \(similarity.draws)", String(format: "%g", similarity.epsilon)]
        + measures.map { Format.decimals(similarity.means[$0.name] ?? .nan, 3) }
    }
    let nearby =
      random.isEmpty
      ? "" : Format.table([["random images", "ε"] + measures.map(\.title)] + random) + "\n"
    let clean =
      results.first.map { "confidence \(Format.percent($0.cleanConfidence)) before" } ?? ""
    let subjects =
      labelsArePredictions == true
      ? "\(images) images, their labels predicted, "
      : "\(images) correctly classified images of \(tried), "
    let missing = unfinished.map { "\($0) of \(results.count + $0) attacks are not finished\n" }
    return Format.table([head] + rows) + "\n" + nearby + toTarget + (missing ?? "") + subjects
      + "\(interpreter), top \(topK) pixels, \(clean); \(Format.duration(seconds)), "
      + "\(Format.bytes(peakMemoryBytes)) of memory\n"
  }
}

extension StudySummary {
  /// What the studies found, within 80 columns.
  var table: String {
    let blocks = findings.map { study in
      study.study + "\n"
        + study.sentences.map { sentence in
          Format.wrapped("", sentence, width: 76).map { "  \($0[1])\n" }.joined()
        }.joined()
    }
    return blocks.joined(separator: "\n")
      + "\n\(networks.count) networks, \(interpreter); \(Format.duration(seconds)), "
      + "\(Format.bytes(peakMemoryBytes)) of memory\n"
  }
}

extension CurvatureSummary {
  /// Means over the images, within 80 columns.
  var table: String {
    let rows = directions.map { direction in
      [
        direction.name, Format.decimals(direction.curvature, 4),
        Format.percent(direction.shareOfLargest), Format.decimals(direction.turn, 4),
      ]
    }
    let values = eigenvalues.map { Format.decimals($0, 4) }.joined(separator: " ")
    return Format.table([["along", "vᵀHv", "of |λ₁|", "‖Hv‖"]] + rows)
      + "\nlargest eigenvalues of the Hessian of the \(function.rawValue): \(values)\n"
      + "length of the gradient \(Format.decimals(gradientNorm, 4)), all in normalised space; "
      + "\(images) images, \(Format.duration(seconds))\n"
  }
}

extension InfluenceSummary {
  /// Means over the images, within 80 columns.
  var table: String {
    let rows = results.map { result in
      [
        result.method, String(format: "%g", result.epsilon), Format.decimals(result.spearman, 3),
        Format.decimals(result.helpfulOverlap, 3), Format.decimals(result.harmfulOverlap, 3),
        Format.percent(result.targetInfluenceLeft), Format.decimals(100 * result.keptLabels, 1),
      ]
    }
    let head = ["attack", "ε", "Spearman", "helpful", "harmful", "influence left", "kept %"]
    return Format.table([head] + rows) + "\n\(images) correctly classified images of \(tried), "
      + "influences of \(trainImages) through\n\(weights) weights, top \(top); "
      + "\(Format.duration(seconds)), \(Format.bytes(peakMemoryBytes)) of memory\n"
  }
}
