import Manipulation
import Networks
import TestSupport

extension NetworkSection {
  public static let resnet20 = NetworkSection(
    checkpoint: Shared.root + "/checkpoints/resnet20-cifar10.h5",
    architecture: ArchitectureSpecification(
      family: "cifar-resnet20", classes: 10, height: 32, width: 32))

  public static let vgg = NetworkSection(
    checkpoint: Shared.root + "/checkpoints/vgg-cifar10.h5",
    architecture: ArchitectureSpecification(
      family: "vgg-style", classes: 10, height: 32, width: 32,
      plan: [32, nil, 64, nil, 128, 128, nil, 256, 256, nil, 256, 256].map {
        $0.map { .convolution(channels: $0) } ?? .pool
      }, batchNorm: true, classifier: [256]))
}
