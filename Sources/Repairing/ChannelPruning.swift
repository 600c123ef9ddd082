import Networks
import Programs
import Recipes
import RunSupport
import TensorGraph
import TensorRuntime

/// Sets channels of one convolution to zero: its filters, and what a batch norm behind it would make of
/// zero.
package struct ChannelPruning {
  private static let stabilizer = 1e-12

  /// Names the convolution.
  let layer: String
  /// Whose result shows what the channels do: the convolution itself, its batch norm or its ReLU.
  private let shown: String
  /// Parameters that are zero in a channel that is pruned, by the channel.
  private let parameters: [String]
  let channels: Int
  private let network: LoadedNetwork
  private let program: any Program
  private let batchSize: Int

  /// - Throws: `RunError` for a layer that is no convolution, or is called several times.
  package init(
    _ network: LoadedNetwork, layer name: String?, batchSize: Int, policy: ExecutionPolicy
  ) throws {
    let architecture = network.architecture
    let convolutions = architecture.nodes.filter { $0.channels != nil }
    guard let last = architecture.deepest(convolutions) else {
      throw RunError("\(architecture.name) has no convolution, so no channels can be pruned")
    }
    let node =
      try name.map { name in
        let index = try architecture.index(of: name)
        let node = architecture.nodes[index]
        guard node.channels != nil else {
          throw RunError(
            "layer \(name) is no convolution but \(node.layer.kind.rawValue); channels are pruned of e.g. "
              + last.name)
        }
        return node
      } ?? last
    guard architecture.nodes.count(where: { $0.parameterPrefix == node.parameterPrefix }) == 1
    else {
      throw RunError("layer \(node.name) is called several times, so its channels are not pruned")
    }
    (layer, channels) = (node.name, node.channels ?? 0)
    (self.network, self.batchSize) = (network, batchSize)
    var (end, prefixes) = (node, [node.parameterPrefix])
    if let norm = architecture.onlyReader(of: end), case .batchNorm = norm.layer {
      (end, prefixes) = (norm, prefixes + [norm.parameterPrefix])
    }
    if let function = architecture.onlyReader(of: end), function.isActivation { end = function }
    shown = end.name
    // Of a batch norm of zero all is zero if its mean, factor and summand are.
    parameters = architecture.parameters.filter {
      prefixes.contains($0.layer) && $0.role != .runningVariance
    }.map(\.name)
    var graph = GraphBuilder()
    let images = try graph.placeholder(
      TrainingProgram.images, shape: Shape([batchSize] + architecture.inputShape.dimensions))
    let lowered = try NetworkGraph(architecture, input: images, keeping: [shown], in: &graph)
    program = try network.compile(
      graph.computation([("activation", lowered.activation(named: shown))]), policy)
  }

  /// Mean absolute values of the channels, and mean absolute differences from what a change makes of them.
  /// - Parameters:
  ///   - images: clean ones; whole batches count.
  ///   - change: gives images in a batch's place, or changes the weights; none if `nil`.
  ///   - undo: what is done after it.
  ///   - stop: ends it early, by `RunStopped`.
  private func means(
    _ images: ProbeImages, stop: StopRequest, change: (([Float]) throws -> [Float])?,
    undo: () throws -> Void
  ) throws -> (activity: [Double], difference: [Double]) {
    var activity = [Double](repeating: 0, count: channels)
    var difference = activity
    var count = 0
    for batch in images.batches(of: batchSize) where batch.count == batchSize {
      if stop.isRequested { throw RunStopped("stopped; nothing was written") }
      let samples = images.batch(batch, size: batchSize)
      let own = try activations(samples)
      var changed: [Float]?
      if let change {
        let given = try change(samples)
        changed = try activations(given)
        try undo()
      }
      for place in own.indices {
        let channel = place % channels
        activity[channel] += Double(abs(own[place]))
        if let changed { difference[channel] += Double(abs(changed[place] - own[place])) }
      }
      count += own.count / channels
    }
    let total = Double(max(count, 1))
    return (activity.map { $0 / total }, difference.map { $0 / total })
  }

  private func activations(_ samples: [Float]) throws -> [Float] {
    try program.run([TrainingProgram.images: .floats(samples)])
    return try program.output("activation").values
  }

  /// All channels, those that go first first; of equals the lower.
  /// - Parameters:
  ///   - order: what decides.
  ///   - images: clean ones.
  ///   - stamp: puts a trigger on images; needed for `trigger`.
  ///   - original: weights of the original network; needed for `change`.
  ///   - stop: ends it early, by `RunStopped`.
  package func ranking(
    by order: RepairPlan.Pruning.Order, _ images: ProbeImages,
    stamp: (([Float]) -> [Float])? = nil, original: [String: Tensor]? = nil, stop: StopRequest
  ) throws -> [Int] {
    guard images.count >= batchSize else {
      throw RunError(
        "\(images.count) images are fewer than one batch of \(batchSize), by which channels are judged"
      )
    }
    let scores: [Double]
    switch order {
    case .activity:
      // The least active first.
      scores = try means(images, stop: stop, change: nil, undo: {}).activity.map { -$0 }
    case .trigger:
      guard let stamp else { preconditionFailure("a trigger, checked by whoever asks") }
      let found = try means(images, stop: stop, change: { stamp($0) }, undo: {})
      scores = Self.relative(found.difference, to: found.activity)
    case .change:
      guard let original else { preconditionFailure("an original, checked by whoever asks") }
      let weights = try network.parameters.snapshot()
      let found = try means(
        images, stop: stop,
        change: { samples in
          try network.parameters.restore(ParameterSnapshot(tensors: original))
          return samples
        }, undo: { try network.parameters.restore(weights) })
      scores = Self.relative(found.difference, to: found.activity)
    }
    return scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
  }

  /// A channel that hardly does anything moves much if it moves at all.
  private static func relative(_ differences: [Double], to activity: [Double]) -> [Double] {
    zip(differences, activity).map { $0 / ($1 + stabilizer) }
  }

  /// Sets channels to zero.
  func prune(_ pruned: [Int]) throws {
    for name in parameters {
      var tensor = try network.parameters.download(name)
      let size = tensor.values.count / channels
      for channel in pruned {
        for place in channel * size..<(channel + 1) * size { tensor.values[place] = 0 }
      }
      try network.parameters.upload(tensor, to: name)
    }
  }
}

extension Architecture {
  /// Which node most layers lie before on the longest way from the image, the last of equals: shortcuts
  /// stand beside what they pass by.
  fileprivate func deepest(_ candidates: [LayerNode]) -> LayerNode? {
    var depths: [String: Int] = [:]
    for node in nodes { depths[node.name] = 1 + (node.inputs.map { depths[$0] ?? 0 }.max() ?? 0) }
    var deepest: LayerNode?
    for node in candidates
    where (depths[node.name] ?? 0) >= (deepest.flatMap { depths[$0.name] } ?? 0) {
      deepest = node
    }
    return deepest
  }

  /// The node that alone reads another's result, and nothing else.
  fileprivate func onlyReader(of node: LayerNode) -> LayerNode? {
    let readers = nodes.filter { $0.inputs.contains(node.name) }
    return readers.count == 1 && readers[0].inputs.count == 1 ? readers[0] : nil
  }
}

extension LayerNode {
  fileprivate var isActivation: Bool {
    switch layer {
    case .relu, .activation: true
    default: false
    }
  }

  /// Of a convolution's result; `nil` for other layers.
  fileprivate var channels: Int? {
    if case .convolution(let layer) = layer { layer.outputChannels } else { nil }
  }
}
