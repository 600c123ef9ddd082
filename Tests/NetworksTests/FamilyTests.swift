import Networks
import TensorGraph
import Testing

@Suite struct FamilyTests {
  /// torchvision's documentation (`num_params` of the ImageNet weights); `Trainable params` of Keras's
  /// `summary()`; for CIFAR the counts of akamaster/pytorch_resnet_cifar10, of
  /// kuangliu/pytorch-cifar and of Zagoruyko and Komodakis 2016, batch norm included; EfficientNet-Lite0 as
  /// efficientnet-lite-pytorch makes it.
  static let published: [(family: String, classes: Int, side: Int, count: Int)] = [
    ("resnet18", 1000, 224, 11_689_512), ("resnet34", 1000, 224, 21_797_672),
    ("resnet50", 1000, 224, 25_557_032), ("resnet101", 1000, 224, 44_549_160),
    ("resnet152", 1000, 224, 60_192_808), ("vgg11", 1000, 224, 132_863_336),
    ("vgg13", 1000, 224, 133_047_848), ("vgg16", 1000, 224, 138_357_544),
    ("vgg19", 1000, 224, 143_667_240), ("vgg11-bn", 1000, 224, 132_868_840),
    ("vgg13-bn", 1000, 224, 133_053_736), ("vgg16-bn", 1000, 224, 138_365_992),
    ("vgg19-bn", 1000, 224, 143_678_248), ("cifar-resnet20", 10, 32, 269_722),
    ("cifar-resnet32", 10, 32, 464_154), ("cifar-resnet44", 10, 32, 658_586),
    ("cifar-resnet56", 10, 32, 853_018), ("cifar-resnet110", 10, 32, 1_727_962),
    ("densenet121", 1000, 224, 7_978_856), ("densenet169", 1000, 224, 14_149_480),
    ("densenet201", 1000, 224, 20_013_928), ("densenet161", 1000, 224, 28_681_000),
    ("keras-vgg16", 1000, 224, 138_357_544), ("keras-vgg19", 1000, 224, 143_667_240),
    ("keras-resnet50", 1000, 224, 25_583_592), ("keras-resnet101", 1000, 224, 44_601_832),
    ("keras-resnet152", 1000, 224, 60_268_520), ("keras-densenet121", 1000, 224, 7_978_856),
    ("keras-densenet169", 1000, 224, 14_149_480), ("keras-densenet201", 1000, 224, 20_013_928),
    ("alexnet", 1000, 224, 61_100_840), ("squeezenet1-0", 1000, 224, 1_248_424),
    ("squeezenet1-1", 1000, 224, 1_235_496), ("resnext50-32x4d", 1000, 224, 25_028_904),
    ("resnext101-32x8d", 1000, 224, 88_791_336), ("wide-resnet50-2", 1000, 224, 68_883_240),
    ("wide-resnet101-2", 1000, 224, 126_886_696), ("mobilenet-v2", 1000, 224, 3_504_872),
    ("mobilenet-v3-large", 1000, 224, 5_483_032), ("mobilenet-v3-small", 1000, 224, 2_542_856),
    ("efficientnet-b0", 1000, 224, 5_288_548), ("efficientnet-b1", 1000, 240, 7_794_184),
    ("efficientnet-b2", 1000, 288, 9_109_994), ("efficientnet-lite0", 1000, 224, 4_652_008),
    ("convnext-tiny", 1000, 224, 28_589_128), ("convnext-small", 1000, 224, 50_223_688),
    ("convnext-base", 1000, 224, 88_591_464), ("cifar-resnet18", 10, 32, 11_173_962),
    ("cifar-resnet34", 10, 32, 21_282_122), ("cifar-resnet50", 10, 32, 23_520_842),
    ("wide-resnet28-10", 10, 32, 36_479_194), ("wide-resnet40-2", 10, 32, 2_243_546),
    ("wide-resnet16-4", 10, 32, 2_748_890),
  ]

  @Test(arguments: published)
  func hasThePublishedNumberOfParameters(
    family: String, classes: Int, side: Int, count: Int
  ) throws {
    let architecture = try ArchitectureSpecification(
      family: family, classes: classes, height: side, width: side
    ).architecture()
    #expect(architecture.trainableCount == count)
  }

  @Test func everyFixedFamilyIsInTheTableOfPublishedSizes() {
    // Of the others the classifier alone may be another than the published one's.
    let fixed = NetworkFamily.all.filter { $0.options.isSubset(of: [.classifier]) }.map(\.name)
    #expect(fixed.sorted() == Self.published.map(\.family).sorted())
  }

  @Test(arguments: [
    ("conv1", [112, 112, 64]), ("relu", [112, 112, 64]), ("maxpool", [56, 56, 64]),
    ("layer1", [56, 56, 256]), ("layer2.0.conv1", [56, 56, 128]),
    ("layer2.0.conv2", [28, 28, 128]), ("layer3.5", [14, 14, 1024]), ("layer4.2", [7, 7, 2048]),
    ("layer4", [7, 7, 2048]), ("avgpool", [1, 1, 2048]), ("fc", [1000]),
  ])
  func resNet50ActivationsHaveTorchvisionNamesAndShapes(name: String, shape: [Int]) throws {
    let architecture = try ArchitectureSpecification(
      family: "resnet50", classes: 1000, height: 224, width: 224
    ).architecture()
    #expect(try architecture.shape(of: name) == Shape(shape))
  }

  @Test(arguments: [
    ("features.0", [224, 224, 64]), ("features.34", [14, 14, 512]), ("features.35", [14, 14, 512]),
    ("features.36", [7, 7, 512]), ("avgpool", [7, 7, 512]), ("classifier.0", [4096]),
    ("classifier.6", [1000]),
  ])
  func vgg19ActivationsHaveTorchvisionNamesAndShapes(name: String, shape: [Int]) throws {
    let architecture = try ArchitectureSpecification(
      family: "vgg19", classes: 1000, height: 224, width: 224
    ).architecture()
    #expect(try architecture.shape(of: name) == Shape(shape))
  }

  @Test(arguments: [
    ("features.pool0", [56, 56, 64]), ("features.denseblock1.denselayer1.conv2", [56, 56, 32]),
    ("features.denseblock1.denselayer6.conv1", [56, 56, 128]),
    ("features.denseblock1", [56, 56, 256]), ("features.transition1.pool", [28, 28, 128]),
    ("features.denseblock2", [28, 28, 512]), ("features.denseblock3", [14, 14, 1024]),
    ("features.denseblock4", [7, 7, 1024]), ("features", [7, 7, 1024]), ("relu", [7, 7, 1024]),
    ("classifier", [1000]),
  ])
  func denseNet121ActivationsHaveTorchvisionNamesAndShapes(name: String, shape: [Int]) throws {
    let architecture = try ArchitectureSpecification(
      family: "densenet121", classes: 1000, height: 224, width: 224
    ).architecture()
    #expect(try architecture.shape(of: name) == Shape(shape))
  }

  @Test func parameterNamesFollowTorchvision() throws {
    let parameters = try ArchitectureSpecification(
      family: "resnet18", classes: 10, height: 160, width: 160
    ).architecture().parameters
    let byName = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0) })
    #expect(byName["conv1.weight"]?.shape == [64, 7, 7, 3])
    #expect(byName["layer2.0.downsample.0.weight"]?.shape == [128, 1, 1, 64])
    #expect(byName["layer1.0.bn1.running_mean"]?.role == .runningMean)
    #expect(byName["layer1.0.bn1.running_mean"]?.isTrainable == false)
    #expect(byName["layer1.0.bn1.weight"]?.role == .gamma)
    #expect(byName["layer1.0.bn1.bias"]?.role == .beta)
    #expect(byName["fc.weight"]?.shape == [10, 512])
    #expect(byName["layer1.0.conv1.bias"] == nil)
    #expect(byName["layer1.0.downsample.0.weight"] == nil)
    #expect(byName.count == 20 + 4 * 20 + 2)
  }

  /// The datasets of `checkpoints/vgg-cifar10.h5` and `resnet20-cifar10.h5` with filters as
  /// [K, R, S, C], without `num_batches_tracked`.
  @Test func parametersAreThoseOfTheCheckpoints() throws {
    let widths = [32, 64, 128, 128, 256, 256, 256, 256]
    let plan: [VGGStep] = [
      .convolution(channels: 32), .pool, .convolution(channels: 64), .pool,
      .convolution(channels: 128), .convolution(channels: 128), .pool, .convolution(channels: 256),
      .convolution(channels: 256), .pool, .convolution(channels: 256), .convolution(channels: 256),
    ]
    let vgg = try ArchitectureSpecification(
      family: "vgg-style", classes: 10, height: 32, width: 32, plan: plan, classifier: [256]
    ).architecture()
    var expected: [String: Shape] = [
      "classifier.0.weight": [256, 1024], "classifier.0.bias": [256],
      "classifier.2.weight": [10, 256], "classifier.2.bias": [10],
    ]
    var channels = 3
    for (position, width) in zip([0, 4, 8, 11, 15, 18, 22, 25], widths) {
      expected["features.\(position).weight"] = [width, 3, 3, channels]
      expected["features.\(position).bias"] = [width]
      for suffix in ["weight", "bias", "running_mean", "running_var"] {
        expected["features.\(position + 1).\(suffix)"] = [width]
      }
      channels = width
    }
    #expect(names(vgg) == expected)

    let residual = try ArchitectureSpecification(
      family: "cifar-resnet20", classes: 10, height: 32, width: 32
    ).architecture()
    expected = ["linear.weight": [10, 64], "linear.bias": [10], "conv1.weight": [16, 3, 3, 3]]
    for suffix in ["weight", "bias", "running_mean", "running_var"] {
      expected["bn1.\(suffix)"] = [16]
      for (stage, width) in [(1, 16), (2, 32), (3, 64)] {
        for block in 0..<3 {
          let name = "layer\(stage).\(block)"
          let before = block == 0 && stage > 1 ? width / 2 : width
          expected["\(name).conv1.weight"] = [width, 3, 3, before]
          expected["\(name).conv2.weight"] = [width, 3, 3, width]
          expected["\(name).bn1.\(suffix)"] = [width]
          expected["\(name).bn2.\(suffix)"] = [width]
        }
      }
    }
    #expect(names(residual) == expected)
  }

  private func names(_ architecture: Architecture) -> [String: Shape] {
    Dictionary(uniqueKeysWithValues: architecture.parameters.map { ($0.name, $0.shape) })
  }

  @Test func unknownFamilyNamesTheClosest() {
    #expect {
      try ArchitectureSpecification(family: "resnet-50", classes: 10, height: 32, width: 32)
        .architecture()
    } throws: {
      "\($0)".hasPrefix(
        "unknown network \"resnet-50\": did you mean \"resnet50\"? Valid names, closest first: "
          + "resnet50, ")
    }
  }

  @Test func optionsOfOtherFamiliesAreErrors() {
    #expect {
      try ArchitectureSpecification(
        family: "resnet18", classes: 10, height: 32, width: 32, blocks: [1]
      ).architecture()
    } throws: {
      "\($0)" == "resnet18 takes no \"blocks\"; that is for resnet-style"
    }
  }

  @Test func tooManyPoolingsAreAnError() {
    #expect {
      try ArchitectureSpecification(
        family: "vgg-style", classes: 10, height: 2, width: 8, plan: [.pool, .pool]
      ).architecture()
    } throws: {
      "\($0)" == "vgg-style: 2 max pools leave nothing of a 2×8 image"
    }
  }
}
