import Networks
import TensorGraph

/// Relevance layer by layer from the class's logit down: the walk that all LRP interpreters share.
struct RelevancePropagation {
  let composite: RelevanceComposite
  let batchNorm: BatchNormRelevance

  /// Relevance of the activation `layer`, or of the input.
  ///
  /// It starts as the logit of the class that `classes` marks, 0 elsewhere.
  func relevance(
    of layer: String?, in given: NetworkGraph, classes: Value, graph: inout GraphBuilder
  ) throws -> Value {
    guard given.mode == .frozen else {
      throw NetworkError(
        "lrp: \(given.architecture.name) has batch norms in training mode; lower it frozen")
    }
    try composite.checkNames(in: given.architecture)
    // What others asked to keep must not decide which batch norms are merged. Nodes that are the
    // same in both are one.
    let network = try NetworkGraph(
      given.architecture, input: given.input, keeping: layer.map { [$0] } ?? [], in: &graph)
    let target: String
    if let layer {
      _ = try network.target(layer, for: "lrp-t")
      target = try network.architecture.layerName(of: layer)
    } else {
      target = Architecture.inputName
    }

    var steps = network.steps[...]
    if let last = steps.last, last.layer.endsInProbabilities { steps.removeLast() }
    let start = try network.atScores(
      graph.multiply(network.logits, network.checked(classes)), isMultiplier: false, in: &graph)
    var relevance = [steps.last?.name ?? target: start]
    let onTheWay = descendants(of: target, among: steps)
    let isNonNegative = nonNegativeActivations(network)
    for step in steps.reversed() where onTheWay.contains(step.name) {
      guard let received = relevance.removeValue(forKey: step.name) else { continue }
      let inputs = try propagate(received, through: step, of: network, isNonNegative, &graph)
      for (name, value) in zip(step.inputNames, inputs)
      where name == target || onTheWay.contains(name) {
        relevance[name] = try relevance[name].map { try graph.add($0, value) } ?? value
      }
    }
    guard let result = relevance[target] else {
      throw NetworkError(
        "lrp: the logits of \(network.architecture.name) do not depend on \(target)")
    }
    return result
  }

  private func propagate(
    _ relevance: Value, through step: NetworkGraph.Step, of network: NetworkGraph,
    _ isNonNegative: Set<String>, _ graph: inout GraphBuilder
  ) throws -> [Value] {
    if let routed = try graph.routed(step, relevance) { return routed }
    let rule = try composite.rule(for: step, in: network)
    let x = step.inputs[0]
    switch rule {
    case .pass: return [relevance]
    case .winnerTakesAll:
      if step.layer == .maximum {
        return try graph.winnerTakesAll(step.inputs, step.output, relevance)
      }
      guard case .maxPool(let window) = step.layer else { break }
      let index = try graph.append(MaxPoolIndex(window: window), [x])
      return [
        try graph.append(
          MaxPoolScatter(window: window, inputShape: x.shape), [relevance, index])
      ]
    case .positiveShare(let epsilon), .share(let epsilon):
      let onlyPositive = rule.name == .positiveShare
      switch step.layer {
      case .add, .average:
        return try graph.additionShares(
          step.inputs, relevance, onlyPositive: onlyPositive, epsilon: epsilon)
      case .subtract:
        return try graph.additionShares(
          [step.inputs[0], graph.negate(step.inputs[1])], relevance, onlyPositive: onlyPositive,
          epsilon: epsilon)
      default: break
      }
      return [
        try graph.averageShares(step, relevance, onlyPositive: onlyPositive, epsilon: epsilon)
      ]
    case .signalTakesAll:
      return try graph.signalShares(step, relevance, gates: gates(of: step, in: network))
    case .epsilon, .alphaBeta, .gamma, .flat, .wSquare:
      let (weight, bias) = affineParameters(step, of: network)
      let map = AffineMap(step, weight: weight, bias: bias)
      let parts = try AffineMap.Parts(
        x, isNonNegative: isNonNegative.contains(step.inputNames[0]), in: &graph)
      return [try apply(rule, map, x, parts, relevance, &graph)]
    }
    preconditionFailure("\(rule.name) for \(step.layer.kind), which validation excludes")
  }

  private func apply(
    _ rule: RelevanceRule, _ map: AffineMap, _ x: Value, _ parts: AffineMap.Parts,
    _ relevance: Value, _ graph: inout GraphBuilder
  ) throws -> Value {
    switch rule {
    case .epsilon(let epsilon, let countsBias):
      try map.epsilonRule(x, relevance, epsilon: epsilon, countsBias: countsBias, in: &graph)
    case .alphaBeta(let alpha, let beta, let epsilon, let countsBias):
      try map.alphaBetaRule(
        parts, relevance, alpha: alpha, beta: beta, epsilon: epsilon, countsBias: countsBias,
        in: &graph)
    case .gamma(let gamma, let epsilon, let countsBias):
      try map.gammaRule(
        x, parts, relevance, gamma: gamma, epsilon: epsilon, countsBias: countsBias, in: &graph)
    case .flat(let epsilon): try map.flatRule(relevance, epsilon: epsilon, in: &graph)
    case .wSquare(let epsilon, let countsBias):
      try map.wSquareRule(relevance, epsilon: epsilon, countsBias: countsBias, in: &graph)
    case .pass, .winnerTakesAll, .positiveShare, .share, .signalTakesAll: relevance
    }
  }

  /// As applied; under `identity` those of the layer itself, without the batch norm after it.
  private func affineParameters(
    _ step: NetworkGraph.Step, of network: NetworkGraph
  ) -> (weight: Value, bias: Value?) {
    guard batchNorm == .identity, step.layers.count > 1 else { return (step.weight!, step.bias) }
    guard let weight = network.parameter(.weight, of: step.layers[0]) else {
      preconditionFailure("\(step.layers[0]) has a weight, or it would not be folded")
    }
    return (weight, network.parameter(.bias, of: step.layers[0]))
  }

  /// Which factors of a product are gates.
  private func gates(of step: NetworkGraph.Step, in network: NetworkGraph) -> [Bool] {
    let isRepeated = step.inputs.map { $0.shape.count < step.output.shape.count }
    if isRepeated.contains(true), isRepeated.contains(false) { return isRepeated }
    let isBounded = step.inputNames.map { name in
      switch network.steps.first(where: { $0.name == name })?.layer {
      case .activation(let function): function.isGate
      case .softmax: true
      default: false
      }
    }
    // A product of gates alone has no signal.
    return isBounded.contains(false) ? isBounded : isBounded.map { _ in false }
  }

  /// Steps that depend on `target`.
  private func descendants(
    of target: String, among steps: ArraySlice<NetworkGraph.Step>
  ) -> Set<String> {
    var found: Set<String> = []
    for step in steps
    where step.inputNames.contains(where: { $0 == target || found.contains($0) }) {
      found.insert(step.name)
    }
    return found
  }

  /// Activations without negative elements, whose negative part needs no computation.
  private func nonNegativeActivations(_ network: NetworkGraph) -> Set<String> {
    var found: Set<String> = []
    for step in network.steps {
      switch step.layer {
      case .relu, .softmax: found.insert(step.name)
      case .maxPool, .averagePool, .adaptiveAveragePool, .globalAveragePool, .flatten, .add,
        .concatenate, .subsampleAndPadChannels, .zeroPadding, .dropout, .spatialDropout, .multiply,
        .divide, .average, .maximum, .reshape, .permute, .reverseChannels,
        .resize, .crop:
        if step.inputNames.allSatisfy(found.contains) { found.insert(step.name) }
      case .activation(let function):
        if function.isNonNegative { found.insert(step.name) }
      case .convolution, .dense, .batchNorm, .prelu, .layerNorm, .layerScale, .subtract, .rescale,
        .normalization:
        break
      }
    }
    return found
  }
}
