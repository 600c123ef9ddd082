import CTensorKernels
import Foundation
import TensorGraph

/// Updates parameters in place from the gradients that a program left in its outputs.
public final class Optimizer {
  /// As PyTorch defines them; weight decay is added to the gradient as L2.
  public enum Method: Hashable, Codable, Sendable {
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

    public static let adam = Method.adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0)
  }

  public let method: Method
  public let names: [String]
  /// Updates done so far.
  public private(set) var step = 0
  private let parameters: ParameterStore
  private var moments: [String: [AlignedMemory]] = [:]

  /// - Parameters:
  ///   - method: with its settings.
  ///   - parameters: the store in which they are changed.
  ///   - names: the parameters that are trained.
  public init(
    _ method: Method, parameters: ParameterStore, names: [String]
  ) throws(ExecutionError) {
    (self.method, self.parameters, self.names) = (method, parameters, names)
    for name in names {
      guard let shape = parameters.shape(of: name) else {
        throw ExecutionError("the optimizer's parameter \(name) is not in the store")
      }
      var memories: [AlignedMemory] = []
      for _ in 0..<method.momentCount {
        memories.append(try AlignedMemory(byteCount: shape.count * 4))
      }
      moments[name] = memories
    }
  }

  /// One update of all parameters.
  /// - Parameters:
  ///   - learningRate: of this update.
  ///   - executable: a program that has just run.
  ///   - gradients: for each name the index of the output that holds its gradient.
  public func update(
    from executable: Executable, gradients: [String: Int], learningRate: Float
  ) {
    update(learningRate, executable.options.cpu) { name, update in
      guard let output = gradients[name] else { preconditionFailure("no gradient for \(name)") }
      executable.withOutput(output, update)
    }
  }

  /// One update of all parameters.
  /// - Parameters:
  ///   - learningRate: of this update.
  ///   - threads: that compute it.
  ///   - gradients: each under its parameter's name, such as sums over several runs.
  public func update(from gradients: ParameterStore, learningRate: Float, threads: Int) {
    update(learningRate, Executable.Options(threads: threads).cpu) { name, update in
      guard gradients.shape(of: name) != nil else { preconditionFailure("no gradient for \(name)") }
      gradients.withValues(of: name) { update(UnsafeBufferPointer($0)) }
    }
  }

  private func update(
    _ learningRate: Float, _ cpu: trompe_cpu,
    withGradient: (_ name: String, _ update: (UnsafeBufferPointer<Float>) -> Void) -> Void
  ) {
    step += 1
    for name in names {
      guard let w = parameters.pointer(to: name) else { preconditionFailure("no \(name)") }
      withGradient(name) { gradient in
        precondition(gradient.count == parameters.shape(of: name)!.count, "gradient of \(name)")
        let count = Int64(gradient.count)
        let moments = moments[name]!
        switch method {
        case .adam(let beta1, let beta2, let epsilon, let decay):
          var adam = trompe_adam(
            rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, decay: decay,
            step: Int64(step))
          trompe_adam_update(
            &adam, count, w, gradient.baseAddress, moments[0].floats, moments[1].floats, cpu)
        case .sgd(let momentum, let decay, let nesterov):
          var sgd = trompe_sgd(
            rate: learningRate, momentum: momentum, decay: decay, nesterov: nesterov ? 1 : 0)
          trompe_sgd_update(&sgd, count, w, gradient.baseAddress, moments[0].floats, cpu)
        }
      }
    }
    parameters.noteChange()
  }

  // MARK: State

  /// The moments of every parameter, by `name/first` and `name/second`, to be saved.
  public var state: [(name: String, tensor: Tensor)] {
    names.flatMap { name in
      zip(["first", "second"], moments[name]!).map { label, memory in
        let shape = parameters.shape(of: name)!
        return (
          "\(name)/\(label)",
          Tensor(
            shape: shape,
            values: Array(UnsafeBufferPointer(start: memory.floats, count: shape.count)))
        )
      }
    }
  }

  /// Takes up a saved state, whole or not at all.
  /// - Throws: `ExecutionError` naming the first entry that is missing or misshapen.
  public func restore(
    step: Int, state: (_ name: String) throws -> Tensor?
  ) throws {
    var restored: [(AlignedMemory, Tensor)] = []
    for name in names {
      for (label, memory) in zip(["first", "second"], moments[name]!) {
        let shape = parameters.shape(of: name)!
        guard let tensor = try state("\(name)/\(label)") else {
          throw ExecutionError("the saved optimizer has no \(name)/\(label)")
        }
        guard tensor.shape.count == shape.count else {
          throw ExecutionError(
            "the saved optimizer's \(name)/\(label) has shape \(tensor.shape), expected \(shape)")
        }
        restored.append((memory, tensor))
      }
    }
    for (memory, tensor) in restored {
      tensor.values.withUnsafeBufferPointer {
        memory.floats.update(from: $0.baseAddress!, count: $0.count)
      }
    }
    self.step = step
  }
}
