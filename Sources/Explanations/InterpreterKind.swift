import Networks

/// A name in recipes and the interpreters behind it.
public struct InterpreterKind: Sendable {
  public enum Place: Hashable, Sendable { case input, targetLayer }

  public let name: String
  /// Where its heatmaps are; those at a target layer need one.
  public let place: Place
  /// What may be set beside the name and the layer.
  let options: Set<InterpreterSpecification.Key>
  /// Checks the ranges of the options.
  let make: @Sendable (InterpreterSpecification) throws(NetworkError) -> any Interpreter

  /// A method whose heatmaps are at the input.
  init(
    _ name: String, options: Set<InterpreterSpecification.Key> = [],
    make: @escaping @Sendable (InterpreterSpecification) throws(NetworkError) -> any Interpreter
  ) {
    (self.name, place, self.options, self.make) = (name, .input, options, make)
  }

  /// A method whose heatmaps are at a target layer.
  init(
    _ name: String, options: Set<InterpreterSpecification.Key> = [],
    at make:
      @escaping @Sendable (_ layer: String, InterpreterSpecification) throws(NetworkError) ->
      any Interpreter
  ) {
    (self.name, place, self.options) = (name, .targetLayer, options)
    self.make = { (specification) throws(NetworkError) in
      guard let layer = specification.layer else {
        preconditionFailure("\(name): a target layer, checked by InterpreterSpecification")
      }
      return try make(layer, specification)
    }
  }

  public static let all: [InterpreterKind] = [
    GradCAM.kind,
    SimpleGrad.kind,
    SimpleGradAtLayer.kind,
    InputTimesGradient.kind,
    LayerwiseRelevance.kind,
    LayerwiseRelevanceAtLayer.kind,
    SmoothGrad.kind,
    SmoothGradAtLayer.kind,
    UniGrad.kind,
    IntegratedGradients.kind,
    IntegratedGradientsAtLayer.kind,
    DeepLIFT.kind,
    DeepLIFTAtLayer.kind,
    Aggregate.kind,
  ]

  /// - Throws: `NetworkError` listing the valid names, the closest first.
  public static func named(_ name: String) throws(NetworkError) -> InterpreterKind {
    try NameSuggestions.find(
      name, among: all, by: \.name, what: "interpreter", or: NetworkError.init)
  }
}
