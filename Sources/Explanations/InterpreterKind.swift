import Networks

/// A name in recipes and the interpreters behind it.
public struct InterpreterKind: Sendable {
  public enum Place: Hashable, Sendable { case input, targetLayer }

  public let name: String
  /// Where its heatmaps are; those at a target layer need one.
  public let place: Place
  let make: @Sendable (InterpreterSpecification) -> any Interpreter

  /// A method whose heatmaps are at the input.
  init(_ name: String, make: @escaping @Sendable (InterpreterSpecification) -> any Interpreter) {
    (self.name, place, self.make) = (name, .input, make)
  }

  /// A method whose heatmaps are at a target layer.
  init(_ name: String, at make: @escaping @Sendable (_ layer: String) -> any Interpreter) {
    (self.name, place) = (name, .targetLayer)
    self.make = { specification in
      guard let layer = specification.layer else {
        preconditionFailure("\(name): a target layer, checked by InterpreterSpecification")
      }
      return make(layer)
    }
  }

  public static let all: [InterpreterKind] = [
    GradCAM.kind,
    SimpleGrad.kind,
    SimpleGradAtLayer.kind,
    InputTimesGradient.kind,
  ]

  /// - Throws: `NetworkError` listing the valid names, the closest first.
  public static func named(_ name: String) throws(NetworkError) -> InterpreterKind {
    guard let kind = all.first(where: { $0.name == name }) else {
      throw NetworkError(
        "unknown interpreter \"\(name)\": "
          + NameSuggestions.sentence(for: name, among: all.map(\.name)))
    }
    return kind
  }
}
