import TensorGraph

/// From which kernel to which each storage is alive, and which storages stand in one place because
/// a kernel may overwrite an operand that nobody reads after it.
public struct Lifetimes: Sendable {
  /// Storage to the storage in whose buffer it stands (itself, unless it overwrites another).
  public private(set) var place: [Int: Int] = [:]
  /// Buffer to its first and last step.
  public private(set) var spans: [Int: ClosedRange<Int>] = [:]

  /// - Parameters:
  ///   - plan: kernels in the order of their steps.
  ///   - persistent: storages that must never be overwritten or given up.
  public init(_ plan: ProgramPlan, persistent: Set<Int> = []) {
    let last = plan.kernels.count - 1
    var lastRead: [Int: Int] = [:]
    for (step, kernel) in plan.kernels.enumerated() {
      for storage in kernel.reads { lastRead[storage] = step }
    }
    let outputs = Set(plan.graph.outputs.map { plan.storage[$0] })
    for output in outputs { lastRead[output] = last + 1 }
    for (step, kernel) in plan.kernels.enumerated() {
      var taken: Set<Int> = []
      for storage in kernel.writes {
        let end = max(lastRead[storage] ?? step, step)
        if let over = kernel.overwritable(by: storage, in: plan).first(where: {
          lastRead[$0] == step && !persistent.contains($0) && !taken.contains($0)
            && place[$0] != nil && !outputs.contains($0)
        }), !persistent.contains(storage) {
          taken.insert(over)
          let buffer = place[over]!
          place[storage] = buffer
          spans[buffer] = spans[buffer]!.lowerBound...end
        } else {
          place[storage] = storage
          spans[storage] = persistent.contains(storage) ? 0...(last + 1) : step...end
        }
      }
    }
  }

  public func requests(for plan: ProgramPlan) -> [MemoryPlan.Request] {
    spans.keys.sorted().map { buffer in
      MemoryPlan.Request(
        bytes: plan.byteCount(buffer), first: spans[buffer]!.lowerBound,
        last: spans[buffer]!.upperBound)
    }
  }
}

extension Kernel {
  /// Operands in whose memory the result `storage` may be written.
  fileprivate func overwritable(by storage: Int, in plan: ProgramPlan) -> [Int] {
    switch work {
    case .convolution(_, let epilogue):
      // The residual is added to by the convolution itself.
      guard let residual = epilogue.residual, reads.filter({ $0 == residual }).count == 1,
        plan.byteCount(residual) == plan.byteCount(storage)
      else { return [] }
      return [residual]
    case .pointwise(let fused):
      guard let output = fused.outputs.first(where: { $0.storage == storage }) else { return [] }
      return fused.inputs.indices.filter {
        plan.byteCount(fused.inputs[$0].storage) == plan.byteCount(storage)
          && fused.canOverwrite(input: $0, by: output)
      }.map { fused.inputs[$0].storage }
    case .operation, .inputGradient, .maxPool: return []
    }
  }
}
