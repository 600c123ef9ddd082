import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import Testing

/// Which colour comes first, from the family to the file and back.
@Suite struct PixelConventionTests {
  private let size = ImageSize(width: 32, height: 32)

  private func section(_ family: String, _ preprocessing: Preprocessing? = nil) -> NetworkSection {
    NetworkSection(
      architecture: ArchitectureSpecification(family: family, classes: 3, height: 32, width: 32),
      preprocessing: preprocessing)
  }

  @Test func familiesHaveTheirWeightsConvention() throws {
    let caffe = try LoadedNetwork(section("keras-resnet50")) { _ in size }
    #expect(caffe.preprocessing == Preprocessing(style: .caffe))
    let torch = try LoadedNetwork(section("cifar-resnet20")) { _ in size }
    #expect(torch.preprocessing == Preprocessing())
  }

  @Test func aFileKeepsItsOrderAndAnotherIsAnError() throws {
    let folder = try TemporaryFolder()
    let network = try LoadedNetwork(
      section("cifar-resnet20", Preprocessing(resize: .none, style: .caffe))
    ) { _ in size }
    try network.checkpoint().save(to: folder("bgr.h5"))
    let path = folder("bgr.h5")
    let again = try LoadedNetwork(NetworkSection(checkpoint: path)) { _ in size }
    #expect(again.preprocessing == Preprocessing(style: .caffe))
    #expect {
      try LoadedNetwork(
        NetworkSection(checkpoint: path, preprocessing: Preprocessing(centerCrop: size))
      ) { _ in size }
    } throws: {
      "\($0)"
        == "\(path): the network takes bgr images, the recipe's preprocessing gives rgb; set "
        + "network.preprocessing.channelOrder or style"
    }
  }
}
