/// How near explanations come to the one map of a target-map fooling, in `summary.json`: means over the
/// images.
public struct TargetMapResult: Codable, Hashable, Sendable {
  /// By one interpreter, on the grid on which maps are compared, each scaled to [0, 1].
  public struct Likeness: Codable, Hashable, Sendable {
    public var mse: Summary.Compared
    public var ssim: Summary.Compared
    public var pearson: Summary.Compared

    package init(mse: Summary.Compared, ssim: Summary.Compared, pearson: Summary.Compared) {
      (self.mse, self.ssim, self.pearson) = (mse, ssim, pearson)
    }
  }

  /// By interpreter, to the target.
  public var explanations: [String: Likeness]
  /// By interpreter, to the original network's own maps; `nil` where no explanation is projected.
  public var toOriginal: [String: Likeness]?
  /// Mean Kullback-Leibler divergence of the network's probabilities from the original's, in nats.
  public var outputDivergence: Double
  /// That of the control, if there is one.
  public var controlOutputDivergence: Double?

  package init(
    explanations: [String: Likeness], toOriginal: [String: Likeness]? = nil,
    outputDivergence: Double, controlOutputDivergence: Double?
  ) {
    (self.explanations, self.outputDivergence) = (explanations, outputDivergence)
    self.toOriginal = toOriginal
    self.controlOutputDivergence = controlOutputDivergence
  }
}

extension TargetMapResult {
  /// Likeness of the maps, by every interpreter, for people.
  /// - Parameter interpreters: in the order of tables.
  func tables(_ interpreters: [String]) -> [TriggerResult.Table] {
    func rows(_ all: [String: Likeness]) -> [(name: String, values: Summary.Compared)] {
      interpreters.flatMap { name -> [(name: String, values: Summary.Compared)] in
        guard let likeness = all[name] else { return [] }
        return [
          ("Pearson, \(name)", likeness.pearson), ("SSIM, \(name)", likeness.ssim),
          ("MSE, \(name)", likeness.mse),
        ]
      }
    }
    let outputs = Summary.Compared(
      original: 0, manipulated: outputDivergence, control: controlOutputDivergence)
    return [
      TriggerResult.Table(
        title: "likeness to the target map",
        rows: rows(explanations) + [("KL of outputs, nats", outputs)], areShares: false)
    ]
      + (toOriginal.map {
        [
          TriggerResult.Table(
            title: "likeness to the original's maps", rows: rows($0), areShares: false)
        ]
      } ?? [])
  }
}
