import Networks

/// Networks in `Shared`, by the names of their files.
public enum TrainedNetworks {
  public typealias Entry = (checkpoint: String, specification: ArchitectureSpecification)

  public static let cifar: [Entry] = [
    (
      "resnet20-cifar10",
      ArchitectureSpecification(family: "cifar-resnet20", classes: 10, height: 32, width: 32)
    ),
    (
      "vgg-cifar10",
      ArchitectureSpecification(
        family: "vgg-style", classes: 10, height: 32, width: 32,
        plan: [
          .convolution(channels: 32), .pool, .convolution(channels: 64), .pool,
          .convolution(channels: 128), .convolution(channels: 128), .pool,
          .convolution(channels: 256), .convolution(channels: 256), .pool,
          .convolution(channels: 256), .convolution(channels: 256),
        ], classifier: [256])
    ),
  ]

  public static let imagenette: Entry = (
    "resnet18-imagenette",
    ArchitectureSpecification(family: "resnet18", classes: 10, height: 160, width: 160)
  )
}
