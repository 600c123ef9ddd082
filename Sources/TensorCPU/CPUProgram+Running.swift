import CTensorKernels
import Dispatch
import TensorGraph
import TensorRuntime

extension CPUProgram {
  public func run(_ inputs: [String: ProgramInput] = [:]) throws(ExecutionError) {
    try run(inputs, profiling: false)
  }

  public func runProfiled(_ inputs: [String: ProgramInput]) throws(ExecutionError) {
    try run(inputs, profiling: true)
  }

  private func run(
    _ inputs: [String: ProgramInput], profiling: Bool
  ) throws(ExecutionError) {
    try computation.check(inputs)
    lifetimes.begin()
    for (name, id) in plan.graph.placeholders {
      let target = address[id]!
      switch inputs[name]! {
      case .floats(let values): Self.copy(values, to: target)
      case .indices(let values): Self.copy(values, to: target)
      }
    }
    trompe_set_thread_count(Int32(threads))
    let skips = policy.keepsParameterWork && workedVersion == parameters.version
    for (position, step) in steps.enumerated() where !(skips && step.isParameterOnly) {
      let begin = profiling ? DispatchTime.now().uptimeNanoseconds : 0
      let status = step.run()
      if profiling {
        profile!.entries[step.kernel].nanoseconds +=
          DispatchTime.now().uptimeNanoseconds - begin
      }
      guard status == 0 else {
        throw ExecutionError("\(plan.kernels[step.kernel].name) failed in the executor")
      }
      exchange?.finished(step: position)
    }
    try exchange?.wait()
    if profiling { profile!.runs += 1 }
    workedVersion = parameters.version
    lifetimes.end()
  }

  private static func copy<Element>(_ values: [Element], to target: UnsafeMutableRawPointer) {
    values.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress { target.copyMemory(from: base, byteCount: bytes.count) }
    }
  }

  // MARK: Outputs

  public func output(_ name: String) throws(ExecutionError) -> Tensor {
    output(try lifetimes.check(name))
  }

  public func isFinite(_ output: String) throws(ExecutionError) -> Bool {
    isFinite(output: try lifetimes.check(output))
  }

  /// Whether the `index`-th output is finite everywhere.
  public func isFinite(output index: Int) -> Bool {
    withOutput(index) {
      trompe_all_finite(Int64($0.count), $0.baseAddress, Int32(threads)) != 0
    }
  }

  /// A copy of the `index`-th output; indices come back as floats.
  public func output(_ index: Int) -> Tensor {
    let node = plan.graph.nodes[plan.graph.outputs[index]]
    switch node.type {
    case .float32:
      return Tensor(shape: node.shape, values: withOutput(index) { Array($0) })
    case .int32:
      let pointer = address[plan.storage[plan.graph.outputs[index]]]!
        .assumingMemoryBound(to: Int32.self)
      return Tensor(shape: node.shape, values: (0..<node.shape.count).map { Float(pointer[$0]) })
    case .uint8:
      let pointer = address[plan.storage[plan.graph.outputs[index]]]!
        .assumingMemoryBound(to: UInt8.self)
      return Tensor(shape: node.shape, values: (0..<node.shape.count).map { Float(pointer[$0]) })
    }
  }

  /// Calls `body` with a float output in place.
  public func withOutput<Result>(
    _ index: Int, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    let id = plan.graph.outputs[index]
    let pointer = address[plan.storage[id]]!.assumingMemoryBound(to: Float.self)
    return try body(UnsafeBufferPointer(start: pointer, count: plan.graph.nodes[id].shape.count))
  }

  // MARK: Training

  public func applyUpdate(
    gradients: (any Parameters)?, learningRate: Float
  ) throws(ExecutionError) -> StepOutcome {
    guard let update = computation.update, let momentum else {
      throw ExecutionError("the program has no update: it was compiled without one")
    }
    var store: ParameterStore?
    if let gradients {
      guard let own = gradients as? ParameterStore else {
        throw ExecutionError("the cpu executor reads gradients that it keeps, not those of another")
      }
      for name in momentum.names { try own.check(name, parameters.shape(of: name)!) }
      try exchange?.average(own, names: momentum.names)
      store = own
    }
    for output in update.guarded where try !isFinite(output) { return .refusedOutput(output) }
    var outputs: [String: Int] = [:]
    for name in momentum.names {
      outputs[name] = try lifetimes.check(update.gradients[name]!)
      let isFinite =
        store?.isFinite(name, threads: threads) ?? isFinite(output: outputs[name]!)
      guard isFinite else { return .refusedGradient(of: name) }
    }
    if let store {
      momentum.update(from: store, learningRate: learningRate, threads: threads)
    } else {
      momentum.update(from: self, gradients: outputs, learningRate: learningRate)
    }
    for (name, output) in update.assignments {
      try parameters.assign(name, from: output, of: self)
    }
    lifetimes.take()
    return parameters.firstNonFinite(threads: threads).map { .overflowed($0) } ?? .applied
  }

  // MARK: Values that are not finite

  public func firstNonFinite(
    _ inputs: [String: ProgramInput]
  ) throws(ExecutionError) -> NonFiniteValue? {
    try CPUExecutor(kernels: kernels).firstNonFinite(
      in: computation, inputs, parameters: parameters, policy: policy)
  }
}
