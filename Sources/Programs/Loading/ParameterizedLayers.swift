import Checkpoints
import KerasModels
import Networks
import TensorGraph

extension Architecture {
  /// The layers with parameters as files see them, in Keras's order where Keras has the network's
  /// layers, otherwise in that of `nodes`.
  public var parameterizedLayers: [ParameterizedLayer] {
    var known: Set<String> = []
    let layers = nodes.compactMap(\.parameterizedLayer).filter { known.insert($0.name).inserted }
    guard let order = try? kerasLayers() else { return layers }
    var positions: [String: Int] = [:]
    for (position, layer) in order.enumerated() { positions[layer.parameters] = position }
    // A separable convolution is one layer of Keras's.
    func position(_ layer: ParameterizedLayer) -> Int {
      positions[layer.name] ?? layer.separableName.flatMap { positions[$0] } ?? .max
    }
    return layers.sorted { position($0) < position($1) }
  }
}

extension LayerNode {
  fileprivate var parameterizedLayer: ParameterizedLayer? {
    switch layer {
    case .convolution(let layer):
      ParameterizedLayer(
        name: parameterPrefix, kind: layer.isDepthwise ? .depthwiseConvolution : .convolution,
        weightShape: [
          layer.outputChannels, layer.window.height, layer.window.width,
          layer.inputChannels / layer.groups,
        ], inputChannels: layer.isDepthwise ? layer.inputChannels : nil, hasBias: layer.hasBias)
    case .dense(let layer):
      ParameterizedLayer(
        name: parameterPrefix, kind: .dense, weightShape: [layer.outputs, layer.inputs],
        hasBias: layer.hasBias)
    case .batchNorm(let layer):
      ParameterizedLayer(
        name: parameterPrefix, kind: .batchNorm, weightShape: [layer.channels],
        hasWeight: layer.hasGamma, hasBias: layer.hasBeta)
    case .relu, .maxPool, .averagePool, .adaptiveAveragePool, .globalAveragePool, .flatten, .add,
      .concatenate, .subsampleAndPadChannels, .zeroPadding, .dropout, .softmax, .activation,
      .multiply, .subtract, .divide, .average, .maximum, .reshape, .permute, .reverseChannels,
      .resize, .crop,
      .rescale, .spatialDropout:
      nil
    case .prelu(let layer):
      ParameterizedLayer(
        name: parameterPrefix, kind: .slopes, weightShape: Shape(layer.slopes), hasBias: false)
    case .layerNorm(let layer):
      layer.hasGamma || layer.hasBeta
        ? ParameterizedLayer(
          name: parameterPrefix, kind: .layerNorm, weightShape: Shape(layer.extents),
          hasWeight: layer.hasGamma, hasBias: layer.hasBeta) : nil
    case .layerScale(let channels):
      ParameterizedLayer(
        name: parameterPrefix, kind: .layerScale, weightShape: [channels], hasBias: false)
    case .normalization(let channels):
      ParameterizedLayer(
        name: parameterPrefix, kind: .normalization, weightShape: [channels], hasWeight: false,
        hasBias: false)
    }
  }
}
