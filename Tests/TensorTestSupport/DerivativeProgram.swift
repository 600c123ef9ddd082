import TensorGraph
import TensorReference

/// An operation with its first and second derivatives, and inputs for all of it.
///
/// With L = Σ c·(y + y²/2), so that the cotangent depends on the operands, and S = Σ v·∂L/∂x over
/// all operands: y, ∂L/∂x and ∂S/∂x.
public struct DerivativeProgram {
  public private(set) var builder: GraphBuilder
  public let result: Value
  /// L and S.
  public let targets: [Value]
  /// ∂L/∂x, then ∂S/∂x, for every variable.
  public let derivatives: [Value]
  public let variables: [FiniteDifferences.Input]
  public let placeholders: [String: ReferenceArray]
  public let parameters: [String: ReferenceArray]

  /// - Parameter computesTaps: indices of windows are computed by the program instead of given to
  ///   it.
  public init(_ entry: OperationCase, simplifies: Bool, computesTaps: Bool = false) throws {
    var generator = SeededGenerator(seed: 1)
    var inputs: [String: ReferenceArray] = [:]
    for (position, operand) in entry.operands.enumerated() {
      if computesTaps, case .taps(_, let image) = operand.domain {
        inputs["x\(position)"] = Domain.distinct(offset: 0).draw(image, using: &generator)
      } else {
        inputs["x\(position)"] = operand.domain.draw(operand.shape, using: &generator)
      }
    }
    let shape = try entry.operation.resultShape(of: entry.operands.map(\.shape))
    inputs["c"] = .random(shape, using: &generator)
    inputs["own"] = .random(shape, using: &generator)

    var builder = GraphBuilder(simplifies: simplifies)
    var operands: [Value] = []
    for (position, operand) in entry.operands.enumerated() {
      if computesTaps, case .taps(let window, let image) = operand.domain {
        let winner = try builder.placeholder("x\(position)", shape: image)
        operands.append(try builder.append(MaxPoolIndex(window: window), [winner]))
      } else {
        operands.append(
          try builder.placeholder("x\(position)", shape: operand.shape, type: operand.type))
      }
    }
    let y = try builder.append(entry.operation, operands)
    // Inputs are their own variable.
    var variables: [(input: FiniteDifferences.Input, value: Value)] = []
    if entry.operation is Placeholder { variables = [(.placeholder("own"), y)] }
    if entry.operation is Parameter { variables = [(.parameter("own"), y)] }
    for (position, operand) in operands.enumerated() where !entry.discrete.contains(position) {
      variables.append((.placeholder("x\(position)"), operand))
    }

    let c = try builder.placeholder("c", shape: shape)
    let halfSquare = try builder.multiply(builder.square(y), 0.5)
    let loss = try builder.sum(builder.multiply(c, builder.add(y, halfSquare)))
    let gradients = try builder.gradient(of: loss, with: variables.map(\.value))
    var along = try builder.scalar(0)
    // The same directions for every way to build the program, so that they can be compared.
    generator = SeededGenerator(seed: 2)
    for (position, gradient) in gradients.enumerated() {
      let v = try builder.placeholder("v\(position)", shape: gradient.shape)
      inputs["v\(position)"] = .random(gradient.shape, using: &generator)
      along = try builder.add(along, builder.sum(builder.multiply(v, gradient)))
    }
    let second = try builder.gradient(of: along, with: variables.map(\.value))
    self.builder = builder
    result = y
    targets = [loss, along]
    derivatives = gradients + second
    self.variables = variables.map(\.input)
    placeholders = inputs
    parameters = ["own": inputs["own"]!]
  }

  /// The program whose outputs are the result and both derivatives.
  public var graph: Graph { builder.graph(outputs: [result] + derivatives) }
}
