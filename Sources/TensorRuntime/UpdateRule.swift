import TensorGraph

/// How a gradient changes its parameter. As PyTorch defines them; weight decay is added to the
/// gradient as L2.
public enum UpdateRule: Hashable, Codable, Sendable {
  /// Kingma & Ba 2015.
  case adam(beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float)
  case sgd(momentum: Float, weightDecay: Float, nesterov: Bool)

  /// Arrays that are kept for each parameter, of its size.
  public var momentCount: Int {
    switch self {
    case .adam: 2
    case .sgd: 1
    }
  }

  /// What the arrays are called in saved states, in their order.
  public static let momentNames = ["first", "second"]

  public static let adam = UpdateRule.adam(
    beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0)
}

/// What a training step changes: data, so that an executor may compile it into the program.
public struct StepUpdate: Hashable, Sendable {
  public var rule: UpdateRule
  /// Parameter to the output that holds its gradient.
  public var gradients: [String: String]
  /// Parameter to the output that holds its new value, e.g. running statistics.
  public var assignments: [String: String]
  /// Outputs that must be finite beside the gradients, or nothing is changed: the losses.
  public var guarded: [String]

  public init(
    _ rule: UpdateRule, gradients: [String: String], assignments: [String: String] = [:],
    guarded: [String] = []
  ) {
    (self.rule, self.gradients) = (rule, gradients)
    (self.assignments, self.guarded) = (assignments, guarded)
  }

  /// Every output that it reads.
  var outputs: [String] { guarded + gradients.values + assignments.values }

  /// Parameter and the output that changes it, by name.
  var changes: [(name: String, output: String)] {
    (Array(gradients) + Array(assignments)).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}

/// What became of a step.
public enum StepOutcome: Hashable, Sendable {
  /// Parameters are changed, and finite.
  case applied
  /// Nothing is changed: this guarded output is not finite.
  case refusedOutput(String)
  /// Nothing is changed: the gradient with respect to this parameter, the first by name, is not
  /// finite.
  case refusedGradient(of: String)
  /// Parameters are changed, and this one, the first in their order, is not finite any more.
  case overflowed(String)
}

/// What an update rule keeps from step to step.
public protocol OptimizerState: AnyObject {
  var rule: UpdateRule { get }
  /// The parameters that are trained, by name.
  var names: [String] { get }
  /// Updates done so far.
  var step: Int { get }

  /// The moments of every parameter, by `name/first` and `name/second`, to be saved.
  var state: [(name: String, tensor: Tensor)] { get throws(ExecutionError) }

  /// Takes up a saved state, whole or not at all.
  /// - Throws: `ExecutionError` naming the first entry that is missing or misshapen.
  func restore(step: Int, state: (_ name: String) throws -> Tensor?) throws
}

extension UpdateRule {
  /// The moments of a saved state, all of them compared with the parameters they are of; for
  /// `OptimizerState.restore`.
  /// - Throws: `ExecutionError` naming the first entry that is missing or misshapen.
  public func moments(
    of parameters: [(name: String, shape: Shape)], from state: (_ name: String) throws -> Tensor?
  ) throws -> [[Tensor]] {
    try parameters.map { name, shape in
      try Self.momentNames.prefix(momentCount).map { label in
        guard let tensor = try state("\(name)/\(label)") else {
          throw ExecutionError("the saved optimizer has no \(name)/\(label)")
        }
        guard tensor.shape.count == shape.count else {
          throw ExecutionError(
            "the saved optimizer's \(name)/\(label) has shape \(tensor.shape), expected \(shape)")
        }
        return tensor
      }
    }
  }
}
