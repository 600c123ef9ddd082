import Foundation
import Testing

@Suite struct AuditTests {
  private static let network = Repository.root + "/checkpoints/shapes-resnet.h5"

  @Test func tooFewImagesAllowNoVerdict() throws {
    let result = try CommandLineProgram.run("audit", Self.network, "--shapes", "50")
    #expect(result.code == 1)
    #expect(result.output.isEmpty)
    #expect(result.error.contains("needs at least 88 images of its task, and there are 50"))
  }

  @Test func eitherFolderOrBuiltInImagesAreGiven() throws {
    let neither = try CommandLineProgram.run("audit", Self.network)
    #expect(neither.code == 64)
    #expect(neither.error.contains("Give either --data or --shapes."))
    let few = try CommandLineProgram.run("audit", Self.network, "--shapes", "100", "--images", "5")
    #expect(few.code == 64)
    #expect(few.error.contains("--images is 5, expected 40 to 10000."))
  }

  @Test func imagesOfOneClassAllowNoVerdict() throws {
    let folder = try TemporaryFolder()
    let images = folder.url.appendingPathComponent("data/ring")
    try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
    // A PNG of one grey pixel; it is not read before classes are counted.
    for number in 0..<90 {
      try Data(
        base64Encoded:
          "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
      )!.write(to: images.appendingPathComponent("\(number).png"))
    }
    let result = try CommandLineProgram.run(
      "audit", Self.network, "--data", folder.url.path + "/data")
    #expect(result.code == 1)
    #expect(result.error.contains("show one class, ring; an audit compares classes"))
  }

  @Test func aNetworkThatKnowsNothingAllowsNoVerdict() throws {
    let folder = try TemporaryFolder()
    let made = try CommandLineProgram.run(
      list: [
        "train", Repository.root + "/recipes/shapes-resnet.yaml", "-o", folder.url.path + "/t",
        "--set", "training.epochs=", "--set", "training.steps=1", "--set", "training.warmupSteps=0",
        "--set",
        "training.learningRate=1e-6",
        "--set", "training.batchSize=8", "--set", "data.shapes.train=16",
        "--set", "data.shapes.validation=20", "-q",
      ])
    #expect(made.code == 0, "\(made.error)")
    let result = try CommandLineProgram.run(
      "audit", folder.url.path + "/t/network.h5", "--shapes", "100", "--images", "60", "-q",
      "--interpreter", "grad-cam@layer4")
    #expect(result.code == 1)
    #expect(result.error.contains("the images are of another task, or the network knows none"))
  }
}
