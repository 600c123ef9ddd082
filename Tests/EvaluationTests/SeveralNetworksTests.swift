import Checkpoints
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import TestSupport
import Testing

/// A file with a student and a teacher, which says nothing of their architectures.
@Suite struct SeveralNetworksTests {
  private let size = ImageSize(width: 32, height: 32)

  private func specification(_ family: String, _ classes: Int) -> ArchitectureSpecification {
    ArchitectureSpecification(family: family, classes: classes, height: 32, width: 32)
  }

  private func write(
    _ networks: [(prefix: String, specification: ArchitectureSpecification)], to path: String
  ) throws {
    try write(networks, without: nil, to: path)
  }

  private func write(
    _ networks: [(prefix: String, specification: ArchitectureSpecification)],
    without missing: String?, to path: String
  ) throws {
    try HDF5Writer.write(to: path) { file in
      for (prefix, specification) in networks {
        let architecture = try specification.architecture()
        for (name, tensor) in architecture.initialParameters(seed: 1).sorted(by: {
          $0.key < $1.key
        }) where prefix + name != missing {
          try file.write(WeightLayout.torchvision.toFile(tensor), as: prefix + name)
        }
      }
    }
  }

  private func load(_ section: NetworkSection) throws -> LoadedNetwork {
    try LoadedNetwork(section) { _ in size }
  }

  private func error(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return "\(error)" }
  }

  /// A running mean of the weights beside them: what has no prefix counts, if all of it is here.
  @Test func copiesOfTheNetworkAreToldOf() throws {
    let folder = try TemporaryFolder()
    let (path, partial) = (folder("whole.h5"), folder("partial.h5"))
    let own = specification("cifar-resnet20", 10)
    try write([("", own), ("ema.", own)], to: path)
    let network = try load(NetworkSection(checkpoint: path))
    #expect(network.specification.family == "cifar-resnet20")
    #expect(network.notes.contains { $0.contains("once more under \"ema.\", which is omitted") })
    #expect(try load(NetworkSection(checkpoint: path, group: "ema")).architecture.classes == 10)
    try write([("", own), ("ema.", own)], without: "layer1.2.conv1.weight", to: partial)
    let text = try #require(error { _ = try load(NetworkSection(checkpoint: partial)) })
    #expect(
      text.contains("cifar-resnet20 with 10 classes, but /layer1.2.conv1.weight is missing")
        && text.contains("whole, under \"ema.\""), "\(text)")
    let named = try #require(
      error { _ = try load(NetworkSection(checkpoint: partial, architecture: own)) })
    #expect(named.contains("layer1.2.conv1.weight is missing"), "\(named)")
    #expect(try load(NetworkSection(checkpoint: partial, group: "ema")).architecture.classes == 10)
  }

  @Test func eachIsRecognisedByItsNamesAndShapesAndOneIsChosen() throws {
    let folder = try TemporaryFolder()
    let path = folder("pair.h5")
    try write(
      [
        ("student.", specification("cifar-resnet20", 10)),
        ("teacher.", specification("cifar-resnet32", 7)),
      ], to: path)
    #expect(
      error { _ = try load(NetworkSection(checkpoint: path)) }
        == "\(path) holds 2 networks, cifar-resnet20 with 10 classes under \"student.\" and "
        + "cifar-resnet32 with 7 classes under \"teacher.\"; choose one by network.group (--group)")
    let teacher = try load(NetworkSection(checkpoint: path, group: "teacher"))
    #expect(teacher.specification.family == "cifar-resnet32")
    #expect(teacher.architecture.classes == 7)
    #expect(teacher.notes.contains("\(path) holds the parameters of cifar-resnet32 with 7 classes"))
    // Written by us it is one network, and the key of the recipe is in nobody's way.
    try teacher.save(to: folder("teacher.pth"), as: .pth)
    let again = try load(NetworkSection(checkpoint: folder("teacher.pth"), group: "teacher"))
    #expect(again.architecture == teacher.architecture)
  }

  @Test func equalOnesAreNamedAsWell() throws {
    let folder = try TemporaryFolder()
    let path = folder("average.h5")
    let network = specification("cifar-resnet20", 10)
    try write([("ema_state_dict/", network), ("state_dict/", network)], to: path)
    #expect(
      error { _ = try load(NetworkSection(checkpoint: path)) }
        == "\(path) holds 2 networks, cifar-resnet20 with 10 classes under \"ema_state_dict/\" and "
        + "cifar-resnet20 with 10 classes under \"state_dict/\"; choose one by network.group (--group)"
    )
    #expect(
      error { _ = try load(NetworkSection(checkpoint: path, architecture: network)) }
        == "\(path): holds the network 2 times, under \"ema_state_dict/\" and \"state_dict/\"; choose "
        + "one by network.group (--group)")
    let chosen = try load(NetworkSection(checkpoint: path, group: "state_dict"))
    #expect(chosen.specification.family == "cifar-resnet20")
  }
}
