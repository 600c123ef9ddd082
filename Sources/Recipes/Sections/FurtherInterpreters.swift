import Explanations
import Networks
import TensorGraph

/// Which methods a manipulation is measured by besides the one that it is about: the row of the
/// transfer matrix.
public enum FurtherInterpreters: Hashable, Sendable, ExpressibleByArrayLiteral {
  /// By a word. What this network has no rule for is omitted, and that is said.
  case transfer(TransferInterpreters)
  /// These and no others; one that the network has no rule for is an error.
  case these([InterpreterSpecification])

  public init(arrayLiteral elements: InterpreterSpecification...) { self = .these(elements) }

  /// Those that are listed one by one.
  public var listed: [InterpreterSpecification] {
    if case .these(let specifications) = self { specifications } else { [] }
  }

  /// Those besides `fooled`, of which nothing is known yet about the network.
  public func specifications(
    besides fooled: InterpreterSpecification
  ) -> [InterpreterSpecification] {
    switch self {
    case .transfer(let kinds): kinds.interpreters(besides: fooled)
    case .these(let specifications): specifications
    }
  }

  /// Those that explain networks of `architecture`.
  /// - Parameters:
  ///   - fooled: those that are fooled; the others explain at the layer of the first.
  ///   - architecture: of the network that is explained.
  /// - Returns: also what is omitted, a sentence each.
  public func interpreters(
    besides fooled: [InterpreterSpecification], of architecture: Architecture
  ) -> (specifications: [InterpreterSpecification], notes: [String]) {
    let known = specifications(besides: fooled[0])
    guard case .transfer = self else { return (known, []) }
    let all = known.filter { own in
      !fooled.contains { $0.name == own.name && $0.layer == own.layer }
    }
    var notes: [String] = []
    // Sampled methods need only the derivatives that every layer has.
    let explaining = all.filter { specification in
      do {
        if !(try specification.interpreter() is any SampledInterpreter) {
          try specification.check(architecture)
        }
        return true
      } catch {
        notes.append("\(specification.name) is not measured: \(error)")
        return false
      }
    }
    return (explaining, notes)
  }
}

extension InterpreterSpecification {
  /// - Throws: what keeps it from explaining networks of `architecture`.
  package func check(_ architecture: Architecture) throws {
    let interpreter = try interpreter()
    var graph = GraphBuilder()
    let images = try graph.placeholder(
      "images", shape: Shape([1] + architecture.inputShape.dimensions))
    let lowered = try NetworkGraph(
      architecture, input: images, keeping: interpreter.keptActivations, in: &graph)
    let labels = try graph.placeholder("labels", shape: [1], type: .int32)
    let classes = try graph.oneHot(labels, depth: architecture.classes)
    _ = try interpreter.heatmap(of: lowered, classes: classes, in: &graph)
  }
}
