import Foundation
import Networks
import TensorGraph
import Testing

/// Networks by the names and shapes of a state dict.
@Suite struct InferredNetworkTests {
  /// As PyTorch stores them.
  static func stateDict(of architecture: Architecture) -> [String: Shape] {
    Dictionary(
      uniqueKeysWithValues: architecture.parameters.map { parameter in
        let shape = parameter.shape
        return (
          parameter.name,
          shape.rank == 4 ? [shape[0], shape[3], shape[1], shape[2]] : shape
        )
      })
  }

  /// Built-in networks agree with torchvision and others; what is inferred from their names alone must be
  /// the same layers, connected alike.
  @Test(arguments: [
    ("resnet18", 224), ("resnet50", 224), ("resnext50-32x4d", 224), ("wide-resnet50-2", 224),
    ("cifar-resnet20", 32), ("cifar-resnet110", 32), ("cifar-resnet18", 32),
    ("cifar-resnet50", 32), ("wide-resnet16-4", 32), ("wide-resnet28-10", 32),
  ])
  func residualNetworksOfKnownNames(family: String, side: Int) throws {
    for channels in [1, 3] {
      let known = try ArchitectureSpecification(
        family: family, classes: 7, height: side, width: side, channels: channels
      ).architecture()
      let found = try #require(InferredNetwork.find(Self.stateDict(of: known), size: nil))
      #expect(found.architecture.nodes == known.nodes)
      #expect(found.architecture.shapes == known.shapes)
      #expect(found.architecture.aliases == known.aliases)
      #expect(found.architecture.classes == 7)
    }
  }

  @Test(arguments: [
    ([32, nil, 64, nil, 128, 128, nil, 256, 256, nil, 256, 256] as [Int?], true, [256], 32),
    ([64, 64, nil, 128, 128, nil, 256, nil], false, [100, 50], 32),
    ([8, nil, 16, nil], false, [], 28),
    ([16, 16, nil, 32], true, [64], 48),
  ])
  func chainsByNumbers(plan: [Int?], batchNorm: Bool, hidden: [Int], side: Int) throws {
    let known = try ArchitectureSpecification(
      family: "vgg-style", classes: 10, height: side, width: side,
      plan: plan.map { $0.map { .convolution(channels: $0) } ?? .pool }, batchNorm: batchNorm,
      classifier: hidden
    ).architecture()
    let found = try #require(
      InferredNetwork.find(Self.stateDict(of: known), size: (height: side, width: side)))
    #expect(found.architecture.nodes == known.nodes)
    #expect(found.architecture.shapes == known.shapes)
  }

  /// He et al.'s second paper as in kuangliu/pytorch-cifar: no batch norm behind the last block.
  @Test func normsBeforeConvolutions() throws {
    func norm(_ name: String, _ channels: Int) -> [String: Shape] {
      Dictionary(
        uniqueKeysWithValues: ["weight", "bias", "running_mean", "running_var"].map {
          ("\(name).\($0)", [channels] as Shape)
        })
    }
    var names: [String: Shape] = [
      "conv1.weight": [4, 3, 3, 3], "linear.weight": [10, 8], "linear.bias": [10],
      "layer1.0.conv1.weight": [4, 4, 3, 3], "layer1.0.conv2.weight": [4, 4, 3, 3],
      "layer2.0.conv1.weight": [8, 4, 3, 3], "layer2.0.conv2.weight": [8, 8, 3, 3],
      "layer2.0.shortcut.0.weight": [8, 4, 1, 1],
    ]
    for (name, channels) in [
      ("layer1.0.bn1", 4), ("layer1.0.bn2", 4), ("layer2.0.bn1", 4), ("layer2.0.bn2", 8),
    ] {
      names.merge(norm(name, channels)) { $1 }
    }
    let found = try #require(InferredNetwork.find(names, size: (height: 16, width: 16)))
    let expected = [
      "conv1 < input", "layer1.0.bn1 < conv1", "layer1.0.relu1 < layer1.0.bn1",
      "layer1.0.conv1 < layer1.0.relu1", "layer1.0.bn2 < layer1.0.conv1",
      "layer1.0.relu2 < layer1.0.bn2", "layer1.0.conv2 < layer1.0.relu2",
      "layer1.0 < layer1.0.conv2 conv1", "layer2.0.bn1 < layer1.0",
      "layer2.0.relu1 < layer2.0.bn1", "layer2.0.conv1 < layer2.0.relu1",
      "layer2.0.bn2 < layer2.0.conv1", "layer2.0.relu2 < layer2.0.bn2",
      "layer2.0.conv2 < layer2.0.relu2", "layer2.0.shortcut.0 < layer2.0.relu1",
      "layer2.0 < layer2.0.conv2 layer2.0.shortcut.0", "avgpool < layer2.0", "flatten < avgpool",
      "linear < flatten",
    ]
    #expect(
      found.architecture.nodes.map { "\($0.name) < \($0.inputs.joined(separator: " "))" }
        == expected)
    #expect(found.reading.contains("before each convolution"))
  }

  /// PyTorch's tutorials: names that end with numbers, and one way to place the pools.
  @Test func chainsByNames() throws {
    let tutorial: [String: Shape] = [
      "conv1.weight": [6, 3, 5, 5], "conv1.bias": [6], "conv2.weight": [16, 6, 5, 5],
      "conv2.bias": [16], "fc1.weight": [120, 400], "fc1.bias": [120], "fc2.weight": [84, 120],
      "fc2.bias": [84], "fc3.weight": [10, 84], "fc3.bias": [10],
    ]
    let found = try #require(InferredNetwork.find(tutorial, size: nil))
    #expect(found.architecture.inputShape == [32, 32, 3])
    #expect(
      found.architecture.nodes.map(\.name) == [
        "conv1", "conv1.relu", "conv1.pool", "conv2", "conv2.relu", "conv2.pool", "flatten", "fc1",
        "fc1.relu", "fc2", "fc2.relu", "fc3",
      ])
    let mnist: [String: Shape] = [
      "conv1.weight": [32, 1, 3, 3], "conv1.bias": [32], "conv2.weight": [64, 32, 3, 3],
      "conv2.bias": [64], "fc1.weight": [128, 9216], "fc1.bias": [128], "fc2.weight": [10, 128],
      "fc2.bias": [10],
    ]
    let gray = try #require(InferredNetwork.find(mnist, size: (height: 28, width: 28)))
    #expect(
      gray.architecture.nodes.map(\.name) == [
        "conv1", "conv1.relu", "conv2", "conv2.relu", "conv2.pool", "flatten", "fc1", "fc1.relu",
        "fc2",
      ])
  }

  /// A number that is missing is a layer without weights; the second behind a convolution is dropout
  /// where a pool would not fit.
  @Test func aSequentialOfEverything() throws {
    let names: [String: Shape] = [
      "0.weight": [16, 3, 3, 3], "0.bias": [16], "2.weight": [16], "2.bias": [16],
      "2.running_mean": [16], "2.running_var": [16], "4.weight": [8, 16, 3, 3], "4.bias": [8],
      "7.weight": [8, 8, 3, 3], "7.bias": [8], "10.weight": [5, 8 * 8 * 8], "10.bias": [5],
    ]
    // 0 convolution, 1 ReLU, 2 batch norm, 3 pool, 4, 5 ReLU, 6 pool, 7, 8 ReLU, 9 flatten, 10
    let found = try #require(InferredNetwork.find(names, size: (height: 32, width: 32)))
    #expect(
      found.architecture.nodes.map(\.name) == [
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "flatten", "10",
      ])
    // On images of half the size one of the two is dropout, and nobody knows which.
    #expect(InferredNetwork.find(names, size: (height: 16, width: 16)) == nil)
  }

  /// What is of no known kind, does not fit together, or has an array too many.
  @Test func othersAreNotGuessed() throws {
    let known = try ArchitectureSpecification(
      family: "cifar-resnet20", classes: 10, height: 32, width: 32
    ).architecture()
    let names = Self.stateDict(of: known)
    let changes: [(String, Shape?)] = [
      ("layer1.0.se.fc1.weight", [4, 16]), ("layer2.0.conv1.weight", nil),
      ("layer2.0.bn1.running_mean", [31]), ("linear.weight", [10, 63]),
      ("linear.weight", [0, 64]), ("conv1.weight", [16, 3, 5, 5]), ("conv1.weight", [16, 0, 3, 3]),
      ("layer1.0.conv1.weight", [16, 7, 3, 3]), ("layer1.0.conv1.weight", [0, 0, 3, 3]),
      ("layer3.2.conv2.weight", [64, 64, 1, 1]), ("alpha", []), ("layer1.0.bn1.weight", [16, 1]),
      ("layer1.0.conv1.bias", [15]),
    ]
    for (name, shape) in changes {
      var changed = names
      changed[name] = shape
      #expect(InferredNetwork.find(changed, size: nil) == nil, "\(name)")
    }
    // A pool before the shortcut's convolution, as ResNet-D has it, and strides in the place of pools.
    let projected = Self.stateDict(
      of: try ArchitectureSpecification(family: "resnet18", classes: 10, height: 64, width: 64)
        .architecture())
    let moved = projected.map { name, shape in
      (
        name.replacingOccurrences(of: "downsample.1", with: "downsample.2")
          .replacingOccurrences(of: "downsample.0", with: "downsample.1"), shape
      )
    }
    #expect(InferredNetwork.find(Dictionary(uniqueKeysWithValues: moved), size: nil) == nil)
    let strided: [String: Shape] = [
      "0.weight": [16, 3, 3, 3], "0.bias": [16], "2.weight": [32, 16, 3, 3], "2.bias": [32],
      "4.weight": [64, 32, 3, 3], "4.bias": [64], "8.weight": [10, 64], "8.bias": [10],
    ]
    #expect(InferredNetwork.find(strided, size: (height: 32, width: 32)) == nil)
    for families in ["densenet121", "mobilenet-v2", "convnext-tiny", "efficientnet-b0"] {
      let other = try ArchitectureSpecification(
        family: families, classes: 10, height: 224, width: 224
      ).architecture()
      #expect(InferredNetwork.find(Self.stateDict(of: other), size: nil) == nil, "\(families)")
    }
    #expect(InferredNetwork.find([:], size: nil) == nil)
    // Numbers that nothing has, and a convolution with nothing but a layer that flattens behind it.
    for name in ["features.9223372036854775807", "features.-9223372036854775808", "features.-1"] {
      _ = InferredNetwork.find(
        [
          "\(name).weight": [8, 3, 3, 3], "features.9223372036854775807.running_mean": [8],
          "features.9223372036854775807.running_var": [8], "fc.weight": [10, 8192],
        ], size: nil)
      let found = InferredNetwork.find(
        ["\(name).weight": [8, 3, 3, 3], "fc.weight": [10, 8 * 16 * 16]],
        size: (height: 32, width: 32))
      #expect(found?.architecture.nodes.count == 5)
    }
    #expect(
      InferredNetwork.find(
        ["net.0.weight": [8, 3, 3, 3], "net.2.weight": [10, 8192]], size: nil) == nil)
  }
}
