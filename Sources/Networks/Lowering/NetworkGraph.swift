import TensorGraph

/// A network as part of a graph: what its logits, activations and parameters are there.
///
/// A value describes the nodes and does not own them; a `GraphBuilder` may hold several networks.
/// Two that share parameter names share the parameters.
public struct NetworkGraph: Sendable {
  public enum Mode: String, Hashable, Sendable, CaseIterable {
    /// Batch norm by the running statistics; gamma and beta remain parameters. No dropout.
    case frozen
    /// Batch norm by the statistics of the batch, dropout by masks given at every run.
    case training
  }

  /// A placeholder to be filled at every run: 0 with probability `rate`, else 1 / (1 − rate).
  public struct DropoutMask: Hashable, Sendable {
    /// The placeholder's name, `dropout.<layer>`.
    public let name: String
    public let shape: Shape
    public let rate: Double
  }

  /// A layer and its place in the graph, for those who walk the layers themselves (layer-wise
  /// relevance does).
  ///
  /// A convolution or dense layer into which the following batch norm was folded is one step, with
  /// the folded weight and bias and under the batch norm's name.
  public struct Step: Sendable {
    /// Name of the activation this step computes.
    public let name: String
    /// Names of the layers it stands for: two where a batch norm was folded, else one.
    public let layers: [String]
    public let layer: Layer
    /// What it reads, as names of other steps or `Architecture.inputName`.
    public let inputNames: [String]
    public let inputs: [Value]
    public let output: Value
    /// Filter or matrix as applied; of a batch norm by itself the factor [C]; of a PReLU its slopes.
    public let weight: Value?
    /// Summand as applied, [K]; of a batch norm by itself the summand [C].
    public let bias: Value?
  }

  public let architecture: Architecture
  public let mode: Mode
  /// Names of the layers whose own activation was asked to stay in the graph.
  public let keeping: Set<String>
  public let foldsBatchNorm: Bool
  /// What its ReLU layers compute.
  public let rectifier: Rectifier

  /// [N, H, W, C]
  public let input: Value
  /// [N, classes]; of a network that ends in a softmax or a sigmoid, what enters it; of one that gives a
  /// single number z, −z/2 and z/2.
  public let logits: Value
  /// What the network's last layer gives before any softmax or sigmoid, [N, outputs].
  let scores: Value
  /// Every parameter that the graph reads, by name.
  public let parameters: [String: Value]
  /// In training, the new value of each running statistic by its parameter's name.
  public let runningStatisticsUpdates: [String: Value]
  public let dropoutMasks: [DropoutMask]
  /// In the order of computation.
  public let steps: [Step]

  private let activations: [String: Value]

  /// Appends `architecture` applied to `input`.
  ///
  /// - Parameters:
  ///   - architecture: the network.
  ///   - mode: whether batch norms are frozen.
  ///   - graph: what the network is appended to.
  ///   - input: images [N, H, W, C].
  ///   - keeping: names of activations that must exist as such, e.g. the target layer of a heatmap;
  ///     it prevents folding where the raw output of a convolution is needed.
  ///   - foldsBatchNorm: `false` keeps every frozen batch norm a step of its own.
  ///   - rectifier: what ReLU layers compute; a smooth stand-in gives the network second derivatives.
  ///   - replacing: values that are read in place of activations, by their names, which must be
  ///     among `keeping`: the network from these layers on.
  /// - Throws: `NetworkError` for unknown names, an input or replacement that does not fit, or a
  ///   training batch too small for its statistics.
  public init(
    _ architecture: Architecture, input: Value, mode: Mode = .frozen,
    keeping: Set<String> = [], foldsBatchNorm: Bool = true, rectifier: Rectifier = .relu,
    replacing: [String: Value] = [:], in graph: inout GraphBuilder
  ) throws {
    guard input.shape.rank == 4, input.shape[0] > 0,
      Array(input.shape.dimensions.dropFirst()) == architecture.inputShape.dimensions
    else {
      let expected = architecture.inputShape.dimensions.map(String.init).joined(separator: ", ")
      throw NetworkError("\(architecture.name): input \(input.shape), expected [N, \(expected)]")
    }
    var kept: Set<String> = []
    for name in keeping.sorted() {
      kept.insert(try architecture.layerName(of: name))
    }
    var replaced: [String: Value] = [:]
    for (name, value) in replacing.sorted(by: { $0.key < $1.key }) {
      let index = try architecture.index(of: name)
      let expected = Shape([input.shape[0]] + architecture.shapes[index].dimensions)
      guard kept.contains(architecture.nodes[index].name) else {
        throw NetworkError("\(architecture.name): \(name) is replaced but not kept")
      }
      guard value.shape == expected else {
        throw NetworkError(
          "\(architecture.name): \(value.shape) cannot replace \(name), which is \(expected)")
      }
      replaced[architecture.nodes[index].name] = value
    }
    var lowering = Lowering(
      architecture: architecture, input: input, mode: mode, keeping: kept,
      foldsBatchNorm: foldsBatchNorm, rectifier: rectifier, replacing: replaced)
    try lowering.run(&graph)

    (self.architecture, self.mode, self.keeping) = (architecture, mode, kept)
    (self.foldsBatchNorm, self.rectifier, self.input) = (foldsBatchNorm, rectifier, input)
    parameters = lowering.parameters
    runningStatisticsUpdates = lowering.runningStatisticsUpdates
    dropoutMasks = lowering.dropoutMasks
    steps = lowering.steps
    activations = lowering.activations
    let last = lowering.steps[lowering.steps.count - 1]
    scores = last.layer.endsInProbabilities ? last.inputs[0] : last.output
    guard architecture.output == .binary else {
      logits = scores
      return
    }
    let half = try graph.multiply(scores, 0.5)
    logits = try graph.concatenate([graph.negate(half), half], axis: 1)
  }

  /// The value of an activation: [N, H, W, C] or [N, D].
  ///
  /// - Throws: `NetworkError` for an unknown name, or a convolution whose own output is not in the
  ///   graph because the following batch norm was folded into it.
  public func activation(named name: String) throws(NetworkError) -> Value {
    let layer = try architecture.layerName(of: name)
    guard let value = activations[layer] else {
      let folded = steps.first { $0.layers.contains(layer) }
      throw NetworkError(
        "\(architecture.name): \(layer) has no activation of its own because \(folded?.name ?? "")"
          + " was folded into it; name it under `keeping`, or take \(folded?.name ?? "")")
    }
    return value
  }

  /// A parameter of a layer by the layer's name, as it is in the file; `nil` if it has none.
  public func parameter(_ role: NetworkParameter.Role, of layer: String) -> Value? {
    guard let node = architecture.nodes.first(where: { $0.name == layer }) else { return nil }
    return parameters[NetworkParameter.name(of: role, in: node.parameterPrefix)]
  }

  /// The same network with the same parameters, mode and kept activations, applied to another input
  /// or with values that take the place of kept activations.
  /// - Parameters:
  ///   - input: images [N, H, W, C].
  ///   - rectifier: what ReLU layers compute there; the same as here if `nil`.
  ///   - replacing: values that are read in place of activations, by their names.
  ///   - graph: what the network is appended to.
  public func lowered(
    on input: Value, rectifier: Rectifier? = nil, replacing: [String: Value] = [:],
    in graph: inout GraphBuilder
  ) throws -> NetworkGraph {
    try NetworkGraph(
      architecture, input: input, mode: mode, keeping: keeping, foldsBatchNorm: foldsBatchNorm,
      rectifier: rectifier ?? self.rectifier, replacing: replacing, in: &graph)
  }
}

extension NetworkGraph {
  /// Of each image, −(cross-entropy) in nats against `labels`, one-hot rows [N, classes]: [N, 1].
  ///
  /// Σ_k labels_k · log softmax(logits)_k; of a network of labels the mean over them of
  /// labels_k · log p_k + (1 − labels_k) · log(1 − p_k), p = σ(logits), as Keras and PyTorch have it.
  public func logLikelihoods(
    of labels: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> Value {
    guard architecture.output == .labels else {
      return try graph.sum(graph.multiply(labels, graph.logSoftmax(logits)), axes: [1])
    }
    // y·log σ(z) + (1 − y)·log(1 − σ(z)) = y·z − log(1 + eᶻ)
    return try graph.mean(
      graph.subtract(graph.multiply(labels, logits), graph.softplus(logits)), axes: [1])
  }

  /// The mean of the images' cross-entropies, a scalar.
  public func crossEntropy(
    of labels: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> Value {
    guard architecture.output == .labels else {
      return try graph.crossEntropy(logits, labels: labels)
    }
    return try graph.negate(graph.mean(logLikelihoods(of: labels, in: &graph)))
  }

  /// What a rule that walks the layers begins with at the end of the network, given one number for each
  /// class, [N, classes]: the same, or of a binary classifier, in units of its only number.
  ///
  /// - Parameters:
  ///   - perClass: the numbers, [N, classes].
  ///   - isMultiplier: whether they are derivatives; otherwise they are shares.
  ///   - graph: the graph under construction.
  public func atScores(
    _ perClass: Value, isMultiplier: Bool, in graph: inout GraphBuilder
  ) throws(ShapeError) -> Value {
    guard architecture.output == .binary else { return perClass }
    guard isMultiplier else { return try graph.sum(perClass, axes: [1]) }
    // ∂(−z/2)/∂z and ∂(z/2)/∂z
    let slopes = try graph.constant(Tensor(shape: [2], values: [-0.5, 0.5]))
    return try graph.sum(graph.multiply(perClass, slopes), axes: [1])
  }
}
