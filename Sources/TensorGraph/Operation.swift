/// One kind of node: its shape rule, its derivative and its documentation, in one place.
///
/// An operation knows nothing of who executes it. Its vector-Jacobian product is written in
/// operations that have one themselves, so gradients of gradients need no special case.
public protocol Operation: Hashable, Sendable {
  /// The name used in error messages, dumps and profiles.
  var name: String { get }

  /// The shape of the result, or an error that names the operation, both shapes and both numbers.
  func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape

  /// Element type of the result; float32 unless the operation produces indices.
  func resultType(of operands: [ElementType]) -> ElementType

  /// For each operand the cotangent that `cotangent` of the result implies, or `nil` where the
  /// derivative is zero everywhere that it exists ("no gradient" is a decision, not an accident).
  func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?]
}

extension Operation {
  public func resultType(of operands: [ElementType]) -> ElementType { .float32 }

  func expect(_ count: Int, _ operands: [Shape]) throws(ShapeError) {
    guard operands.count == count else {
      throw ShapeError("\(name): \(operands.count) operands given, \(count) expected")
    }
  }

  func isEqual(to other: any Operation) -> Bool {
    guard let other = other as? Self else { return false }
    return self == other
  }
}

/// A node of a graph, as seen by those who build on it.
public struct Value: Hashable, Sendable {
  public let id: Int
  public let shape: Shape
  public let type: ElementType

  public static func == (a: Value, b: Value) -> Bool { a.id == b.id }
  public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

/// An operation applied to operands; its position in `Graph.nodes` is the id of its value.
public struct Node: Sendable {
  public let operation: any Operation
  public let operands: [Int]
  public let shape: Shape
  public let type: ElementType
}
