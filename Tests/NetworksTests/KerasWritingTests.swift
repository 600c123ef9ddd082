import Foundation
import KerasModels
import Networks
import TensorGraph
import TensorReference
import TestSupport
import Testing

/// Architectures written as Keras models.
@Suite struct KerasWritingTests {
  private let keras = KerasTests()

  /// Both filters of a separable convolution are one layer's.
  @Test func separableConvolutionsComeBackAsOneLayer() throws {
    let further = try #require(try keras.models().first { $0.name == "further" })
    let architecture = try Architecture(kerasModelConfig: further.config)
    let written = try architecture.kerasModelConfig()
    #expect(written.contains("\"class_name\":\"SeparableConv2D\""))
    let names = try architecture.kerasLayers().map(\.name)
    #expect(names.contains("separable") && !names.contains("separable_depthwise"))
  }

  @Test(arguments: NetworkFamily.all.map(\.name).filter { $0.hasPrefix("keras-") })
  func kerasFamiliesComeBackEqual(family: String) throws {
    let architecture = try ArchitectureSpecification(
      family: family, classes: 7, height: 64, width: 96
    ).architecture()
    #expect(
      try Architecture(kerasModelConfig: architecture.kerasModelConfig()) == architecture)
  }

  @Test func readModelsComeBackWithTheSameLogits() throws {
    // Keras has layers for all but quotients and reversed channels.
    for model in try keras.models() where model.name != "arithmetic" {
      let architecture = try Architecture(kerasModelConfig: model.config)
      let again = try Architecture(kerasModelConfig: architecture.kerasModelConfig())
      #expect(keras.difference(try keras.logits(again), try keras.logits(architecture)) < 1e-12)
      #expect(Set(again.parameters) == Set(architecture.parameters))
    }
  }

  /// Other conventions in Keras's layers: padding on both sides as a layer of its own, flattening
  /// with channels first as a permutation.
  @Test(arguments: ["vgg11", "resnet18", "densenet121"])
  func othersComeBackWithTheSameParameters(family: String) throws {
    let architecture = try ArchitectureSpecification(
      family: family, classes: 5, height: 224, width: 224
    ).architecture()
    let again = try Architecture(kerasModelConfig: architecture.kerasModelConfig())
    let shapes = { (parameters: [NetworkParameter]) in
      Dictionary(
        uniqueKeysWithValues: parameters.map {
          ("\($0.layer.replacingOccurrences(of: ".", with: "_")).\($0.role)", $0.shape)
        })
    }
    #expect(shapes(again.parameters) == shapes(architecture.parameters))
    #expect(again.shapes.last == architecture.shapes.last)
    // Which Keras layer has which parameters, in the order of the layers.
    let layers = try architecture.kerasLayers()
    let weighted = Set(architecture.parameters.map(\.layer))
    #expect(
      layers.filter { weighted.contains($0.parameters) }.map(\.name)
        == again.parameters.map(\.layer).reduce(into: []) { names, name in
          if names.last != name { names.append(name) }
        })
  }

  @Test(arguments: SmallNetworks.names)
  func othersComeBackWithTheSameLogits(name: String) throws {
    let architecture = try SmallNetworks.named(name)
    let again = try Architecture(kerasModelConfig: architecture.kerasModelConfig())
    // Other names have other seeded weights: compared with the names changed alike.
    let renamed = try Architecture(
      name: name, inputShape: architecture.inputShape, classes: architecture.classes,
      nodes: architecture.nodes.map { node in
        func legal(_ name: String) -> String { name.replacingOccurrences(of: ".", with: "_") }
        return LayerNode(
          name: legal(node.name), layer: node.layer, inputs: node.inputs.map(legal))
      })
    #expect(keras.difference(try keras.logits(again), try keras.logits(renamed)) < 1e-12)
  }

  @Test func layersWithOneNameInKerasAreAnError() throws {
    let architecture = try Architecture(
      name: "twins", inputShape: [1, 1, 2], classes: 2,
      nodes: [
        LayerNode(name: "a.b", layer: .relu, inputs: ["input"]),
        LayerNode(name: "a_b", layer: .flatten, inputs: ["a.b"]),
      ])
    #expect {
      try architecture.kerasModelConfig()
    } throws: {
      "\($0)" == "twins cannot be written for Keras: two layers would be called a_b"
    }
  }

  @Test func layersThatKerasDoesNotHaveAreNamed() throws {
    let architecture = try ArchitectureSpecification(
      family: "cifar-resnet20", classes: 10, height: 32, width: 32
    ).architecture()
    #expect {
      try architecture.kerasModelConfig()
    } throws: {
      "\($0)"
        == "cifar-resnet20: layer2.0.shortcut cannot be written for Keras: Keras has no layer that "
        + "pads channels"
    }
  }
}
