import Evaluation
import Foundation
import Networks
import RunFolders

extension TargetMapResult {
  /// What was measured of networks whose heatmaps were compared with one map.
  init(_ results: MeasuredNetworks, interpreters: [String], output: ClassifierOutput) {
    func likeness(_ name: String) -> Likeness? {
      func mean(_ measure: Int) -> Summary.Compared {
        results.compared { result in
          let rows = result.targetLikeness[name] ?? []
          return rows.isEmpty ? 0 : rows.reduce(0) { $0 + $1[measure] } / Double(rows.count)
        }
      }
      guard results.manipulated.targetLikeness[name] != nil else { return nil }
      return Likeness(mse: mean(0), ssim: mean(1), pearson: mean(2))
    }
    // An original is as like itself as can be.
    func toOriginal(_ name: String) -> Likeness? {
      func mean(_ measure: Int, of itself: Double) -> Summary.Compared? {
        func own(_ result: EvaluationResult) -> Double? {
          let rows = result.originalLikeness[name] ?? []
          return rows.isEmpty
            ? nil : rows.reduce(0) { $0 + $1[measure] } / Double(rows.count)
        }
        return own(results.manipulated).map {
          Summary.Compared(
            original: itself, manipulated: $0, control: results.control.flatMap(own))
        }
      }
      guard let mse = mean(0, of: 0), let ssim = mean(1, of: 1), let pearson = mean(2, of: 1)
      else { return nil }
      return Likeness(mse: mse, ssim: ssim, pearson: pearson)
    }
    let alike = Dictionary(
      uniqueKeysWithValues: interpreters.compactMap { name in toOriginal(name).map { (name, $0) } })
    self.init(
      explanations: Dictionary(
        uniqueKeysWithValues: interpreters.compactMap { name in likeness(name).map { (name, $0) } }),
      toOriginal: alike.isEmpty ? nil : alike,
      outputDivergence: results.manipulated.divergence(from: results.original, output),
      controlOutputDivergence: results.control?.divergence(from: results.original, output))
  }
}

extension EvaluationResult {
  /// Mean KL(p₀ ‖ p) over the images that both have outputs of, in nats, 0 of none.
  fileprivate func divergence(
    from original: EvaluationResult, _ output: ClassifierOutput
  ) -> Double {
    let positions = outputs.keys.sorted().filter { original.outputs[$0] != nil }
    guard !positions.isEmpty else { return 0 }
    let total = positions.reduce(0.0) { sum, position in
      let (before, after) = (original.outputs[position]!, outputs[position]!)
      return sum + Self.divergence(before, after, output)
    }
    return total / Double(positions.count)
  }

  private static func divergence(
    _ original: [Float], _ own: [Float], _ output: ClassifierOutput
  ) -> Double {
    let (a, b) = (original.map(Double.init), own.map(Double.init))
    guard output != .labels else {
      func softplus(_ z: Double) -> Double { max(z, 0) + log1p(exp(-abs(z))) }
      return zip(a, b).reduce(0) { sum, pair in
        let p = 1 / (1 + exp(-pair.0))
        // log σ(z) = −softplus(−z)
        return sum + p * (softplus(-pair.1) - softplus(-pair.0))
          + (1 - p) * (softplus(pair.1) - softplus(pair.0))
      }
    }
    func logs(_ logits: [Double]) -> [Double] {
      let largest = logits.max() ?? 0
      let total = log(logits.reduce(0) { $0 + exp($1 - largest) }) + largest
      return logits.map { $0 - total }
    }
    return zip(logs(a), logs(b)).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
  }
}
