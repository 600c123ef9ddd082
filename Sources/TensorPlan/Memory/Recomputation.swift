import TensorGraph

/// Trades time for memory: what would be kept from one pass for a later one is computed again right
/// before it is needed there.
///
/// At the step where most memory is alive, look for the results of a kernel that are not used there
/// but later, let them go after their last use before, and repeat the kernel when they are used
/// next. What it reads and was let go as well is computed again with it, and stays for its own
/// later uses. Of several kernels, the one that frees the most bytes for each moment of work is
/// taken, if the peak gets smaller by it. Then the same again, until nothing at the peak can be let
/// go. The segments of Chen et al. (2016, "Training deep nets with sublinear memory cost") come out
/// where they pay. Kernels and operands are the same, but a residual that is read again cannot be
/// added to in place, which rounds otherwise.
struct Recomputation {
  let kernels: [Kernel]
  let graph: Graph

  init(_ kernels: [Kernel], _ graph: Graph, storage: [Int]) {
    var search = RecomputationSearch(kernels, graph, outputs: graph.outputs.map { storage[$0] })
    search.run()
    // Every result of a repeated kernel gets a storage of its own.
    var repeated: [Int] = []
    var name: [Int: Int] = [:]
    self.kernels = search.order().map { step in
      let kernel = kernels[step.kernel]
      var names: [Int: Int] = [:]
      for storage in kernel.reads where search.generation(storage, at: step.position) > 0 {
        names[storage] = name[storage]
      }
      if step.isRepeated {
        for storage in kernel.writes {
          name[storage] = graph.nodes.count + repeated.count
          names[storage] = name[storage]
          repeated.append(storage)
        }
      }
      return names.isEmpty ? kernel : kernel.renamed(names)
    }
    self.graph = graph.repeating(repeated)
  }
}

extension Kernel {
  /// The same work on other storages.
  fileprivate func renamed(_ names: [Int: Int]) -> Kernel {
    func new(_ storage: Int) -> Int { names[storage] ?? storage }
    var work = work
    switch work {
    case .convolution(let convolution, var epilogue):
      epilogue.bias = epilogue.bias.map(new)
      epilogue.residual = epilogue.residual.map(new)
      work = .convolution(convolution, epilogue)
    case .inputGradient(let gradient, var postOps?):
      postOps.residual = postOps.residual.map(new)
      postOps.mask = postOps.mask.map(new)
      postOps.channelSums = postOps.channelSums.map(new)
      postOps.fused = postOps.fused.renamed(new)
      work = .inputGradient(gradient, postOps)
    case .pointwise(let fused): work = .pointwise(fused.renamed(new))
    case .operation, .inputGradient(_, nil), .maxPool: break
    }
    return Kernel(
      work: work, reads: reads.map(new), writes: writes.map(new), readShapes: readShapes,
      writeShapes: writeShapes, filterScale: filterScale.map(new))
  }
}

extension FusionGroup {
  fileprivate func renamed(_ new: (Int) -> Int) -> FusionGroup {
    FusionGroup(
      shape: shape,
      inputs: inputs.map {
        View(storage: new($0.storage), offset: $0.offset, strides: $0.strides)
      },
      scalars: scalars, instructions: instructions,
      outputs: outputs.map { Output(register: $0.register, storage: new($0.storage)) },
      reductions: reductions.map {
        Reduction(
          register: $0.register, function: $0.function, strides: $0.strides, count: $0.count,
          storage: new($0.storage))
      },
      registerCount: registerCount)
  }
}
