import Foundation
import TensorGraph
import TensorRuntime

/// A module of StableHLO in its text form, with what its arguments and results are.
///
/// All that a program computes is one function, `main`. Parameters, moments and large constants are
/// arguments, so that they can stay on a device from run to run; what a step changes is donated.
public struct Module: Sendable {
  public enum Argument: Hashable, Sendable {
    case parameter(String)
    case placeholder(String)
    /// Given once, when the program is made.
    case constant(Tensor)
    /// What the update rule keeps for a parameter; its place among them.
    case moment(of: String, Int)
    /// The derivative with respect to a parameter, where the module does not compute it.
    case gradient(of: String)
    /// An output of an earlier run.
    case output(String)
    case scalar(StepScalar)
  }

  /// A number that is another at every step.
  public enum StepScalar: Hashable, Sendable, CaseIterable {
    /// What the change of a parameter is multiplied by: `UpdateRule.scalars`.
    case rate
    /// What the root of the second moment is multiplied by.
    case rootCorrection
  }

  public enum Result: Hashable, Sendable {
    case output(String)
    case parameter(String)
    case moment(of: String, Int)
    /// One byte for every entry of `checks`: whether it is finite everywhere.
    case checks
  }

  /// What a step looks at, in the order in which it does.
  public enum Check: Hashable, Sendable {
    case output(String)
    case gradient(of: String)
    /// After the update.
    case parameter(String)
  }

  public let text: String
  public internal(set) var arguments: [(role: Argument, type: ModuleType)] = []
  public internal(set) var results: [(role: Result, type: ModuleType)] = []
  /// For each argument that is donated the result that takes its memory.
  public internal(set) var donations: [Int: Int] = [:]
  public internal(set) var checks: [Check] = []
  /// How many devices share its work; arguments and results are whole on each of them, but for `split`.
  public internal(set) var devices = 1
  /// Arguments of which each device has its part of the images.
  public internal(set) var split: Set<Int> = []

  /// Constants with more elements are arguments.
  static let largestWrittenConstant = 64

  /// The module that computes all outputs of a computation.
  /// - Parameters:
  ///   - computation: what is lowered; batch size and shapes are its own.
  ///   - multiplication: the precision of products.
  ///   - devices: how many share the images of a batch.
  /// - Throws: `LoweringError` naming the first operation that has no form in StableHLO.
  public static func run(
    _ computation: Computation, multiplication: Multiplication = .float32, devices: Int = 1
  ) throws(LoweringError) -> Module {
    var builder = ModuleBuilder(multiplication, devices: devices)
    let values = try builder.lower(computation)
    for name in computation.outputs { builder.give(.output(name), values.output[name]!) }
    return builder.module
  }

  /// The module of a whole training step: all outputs but gradients, and the update where all that it
  /// guards is finite.
  /// - Precondition: the computation has an update.
  public static func step(
    _ computation: Computation, parameters: (_ name: String) -> Shape,
    multiplication: Multiplication = .float32, devices: Int = 1
  ) throws(LoweringError) -> Module {
    guard let update = computation.update else { preconditionFailure("no update") }
    var builder = ModuleBuilder(multiplication, devices: devices)
    let values = try builder.lower(computation)
    let gradients = Set(update.gradients.values)
    for name in computation.outputs where !gradients.contains(name) {
      builder.give(.output(name), values.output[name]!)
    }
    builder.apply(
      update, parameters: parameters,
      gradients: update.gradients.mapValues { values.output[$0]! }, outputs: values.output)
    return builder.module
  }

  /// The second half of a step: gradients and outputs are arguments.
  /// - Precondition: the computation has an update.
  public static func update(
    _ computation: Computation, parameters: (_ name: String) -> Shape, devices: Int = 1
  ) -> Module {
    guard let update = computation.update else { preconditionFailure("no update") }
    var builder = ModuleBuilder(.float32, devices: devices)
    var gradients: [String: ModuleValue] = [:]
    for name in update.gradients.keys.sorted() {
      gradients[name] = builder.take(.gradient(of: name), ModuleType(parameters(name)))
    }
    var outputs: [String: ModuleValue] = [:]
    for name in Set(update.guarded + update.assignments.values).sorted() {
      let node = computation.node(of: name)!
      outputs[name] = builder.take(
        .output(name), ModuleType(node.shape, ModuleElement(node.type)))
    }
    builder.apply(update, parameters: parameters, gradients: gradients, outputs: outputs)
    return builder.module
  }

  /// The sum of two arrays in the place of the first.
  public static func sum(_ shape: Shape, devices: Int = 1) -> Module {
    var builder = ModuleBuilder(.float32, devices: devices)
    let type = ModuleType(shape)
    let first = builder.take(.parameter("sum"), type)
    let second = builder.take(.output("addend"), type)
    builder.give(.parameter("sum"), builder.text.pointwise("add", first, second))
    return builder.module
  }

  /// A copy of an array.
  public static func copy(_ shape: Shape, devices: Int = 1) -> Module {
    var builder = ModuleBuilder(.float32, devices: devices)
    let value = builder.take(.output("original"), ModuleType(shape))
    builder.give(.parameter("copy"), value)
    return builder.module
  }
}

extension UpdateRule {
  /// What a module of this rule is given at its `step`-th update, counted from 1.
  public func scalars(step: Int, learningRate: Float) -> [Module.StepScalar: Float] {
    switch self {
    case .sgd: return [.rate: learningRate]
    // Bias corrections in double: 1 − βᵗ loses all digits in float for the first steps.
    case .adam(let beta1, let beta2, _, _):
      let power1 = pow(Double(beta1), Double(step))
      let power2 = pow(Double(beta2), Double(step))
      return [
        .rate: Float(Double(learningRate) / (1 - power1)),
        .rootCorrection: Float(1 / (1 - power2).squareRoot()),
      ]
    }
  }
}
