import ImageData
import Manipulation
import Networks
import RunTestSupport
import TestSupport
import Testing

/// Accuracies that PyTorch measured, as the README beside the checkpoints gives them, on the whole
/// validation splits.
@Suite(.enabled(if: Shared.isThere, "needs ../shared"))
struct PublishedAccuracyTests {
  private func expectAccuracy(
    _ section: NetworkSection, data: String, top1: Double, top5: Double
  ) throws {
    let source = try ImageFolder("\(Shared.root)/data/\(data)/val")
    let shape = try #require(section.architecture)
    let size = ImageSize(width: shape.width, height: shape.height)
    let network = try LoadedNetwork(section) { _ in size }
    let program = try EvaluationProgram(network, interpreters: [], batchSize: 50)
    let loader = try BatchLoader(
      source, batchSize: 50, preprocessing: network.preprocessing, order: .evaluation,
      imageSize: size)
    var (first, five) = (0, 0)
    while let batch = try loader.next() {
      try program.run(images: batch.images, labels: batch.labels)
      let logits = program.logits.values
      for image in 0..<batch.validCount {
        let row = logits[image * program.classes..<(image + 1) * program.classes]
        let own = row[row.startIndex + Int(batch.labels[image])]
        let larger = row.count { $0 > own }
        first += larger < 1 ? 1 : 0
        five += larger < 5 ? 1 : 0
      }
    }
    // A fifth of a point: ten images of five thousand may fall on the other side of a decision.
    #expect(abs(Double(first) / Double(source.count) - top1) <= 0.002)
    #expect(abs(Double(five) / Double(source.count) - top5) <= 0.002)
    print("\(data): top-1 \(Double(first) / Double(source.count)), PyTorch \(top1)")
  }

  @Test func resnet20OnCIFAR() throws {
    try expectAccuracy(.resnet20, data: "cifar10", top1: 0.8724, top5: 0.9958)
  }

  @Test func vggOnCIFAR() throws {
    try expectAccuracy(.vgg, data: "cifar10", top1: 0.8268, top5: 0.9926)
  }

  @Test func resnet18OnImagenette() throws {
    let section = NetworkSection(
      checkpoint: Shared.root + "/checkpoints/resnet18-imagenette.h5",
      architecture: ArchitectureSpecification(
        family: "resnet18", classes: 10, height: 160, width: 160),
      preprocessing: Preprocessing(resize: .exact(width: 160, height: 160)))
    try expectAccuracy(section, data: "imagenette", top1: 0.8455, top5: 0.9855)
  }
}
