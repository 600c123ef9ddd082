import Networks

extension TrainingProgram {
  /// Of one step.
  public struct Losses {
    public let total: Double
    public let crossEntropy: Double
    public let penalty: Double?
    /// Share of all-zero heatmaps in the batch; `nil` without a penalty of heatmaps.
    public let vanishedMaps: Double?
  }
}

extension NetworkGraph {
  /// Those that training changes, in the architecture's order.
  var trainedParameters: [NetworkParameter] {
    architecture.parameters.filter { $0.isTrainable && parameters[$0.name] != nil }
  }
}
