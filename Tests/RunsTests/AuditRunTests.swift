import Auditing
import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorCPU
import TensorGraph
import Testing

/// Whole audits of a network that was built by hand.
struct AuditRunTests {
  private static let side = 32
  private static let names = ["green", "red", "yellow"]

  /// Green, red and yellow images, no two of which are alike.
  private func images(_ count: Int = 50, in folder: TemporaryFolder) throws -> String {
    for (label, name) in Self.names.enumerated() {
      let path = folder("data/\(name)")
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      for number in 0..<count {
        let pixels = (0..<Self.side * Self.side).flatMap { pixel -> [UInt8] in
          let noise = UInt8((7 * pixel * (number + 3) + 31 * label) % 40)
          return [(label == 0 ? 60 : 190) + noise, (label == 1 ? 60 : 190) + 39 - noise, 20]
        }
        try Image(width: Self.side, height: Self.side, pixels: pixels)
          .writePNG(to: "\(path)/\(number).png")
      }
    }
    return folder("data")
  }

  /// Red minus green, green minus red, and what is bright in both, averaged over the image.
  ///
  /// - Parameter weight: of the last for yellow: of 20 an image has to be yellow, of 2,000 a square of a
  ///   64th of it is enough.
  private func network(_ weight: Float, in folder: TemporaryFolder) throws -> String {
    let architecture = try Architecture(
      name: "colours", inputShape: [Self.side, Self.side, 3], classes: 3,
      nodes: [
        LayerNode(
          name: "c",
          layer: .convolution(
            ConvolutionLayer(
              inputChannels: 3, outputChannels: 3, kernelSize: 1, padding: 0, hasBias: true)),
          inputs: ["input"]),
        LayerNode(name: "r", layer: .relu, inputs: ["c"]),
        LayerNode(name: "p", layer: .globalAveragePool, inputs: ["r"]),
        LayerNode(name: "f", layer: .flatten, inputs: ["p"]),
        LayerNode(name: "d", layer: .dense(DenseLayer(inputs: 3, outputs: 3)), inputs: ["f"]),
      ])
    let network = try LoadedNetwork(
      NetworkSection(
        architecture: ArchitectureSpecification(
          family: "graph", classes: 3, height: Self.side, width: Self.side, graph: architecture),
        preprocessing: Preprocessing(
          resize: .none, mean: [0, 0, 0], standardDeviation: [1, 1, 1]), classNames: Self.names))
    func set(_ name: String, _ values: [Float]) {
      network.parameters[name] = Tensor(shape: network.parameters[name].shape, values: values)
    }
    set("c.weight", [-1, 1, 0, 1, -1, 0, 1, 1, 0])
    set("c.bias", [0, 0, -1.35])
    set("d.weight", [10, 0, 0, 0, 10, 0, 0, 0, weight])
    set("d.bias", [0, 0, 0])
    let path = folder("\(Int(weight)).h5")
    try network.checkpoint().save(to: path)
    return path
  }

  private func audit(_ network: String, _ data: String) throws -> AuditFindings {
    // Thousands of programs of microseconds: a second thread costs more than it does.
    var compute = ComputeSection()
    compute.threads = 1
    return try AuditRun.run(
      AuditRequest(
        network: NetworkSection(checkpoint: network), images: .folder(data),
        interpreters: [InterpreterSpecification(name: "grad-cam", layer: "r")], count: 90,
        compute: compute),
      on: CPUExecutor(for: compute))
  }

  @Test func aPatchThatBringsAClassIsFound() throws {
    let folder = try TemporaryFolder()
    let data = try images(in: folder)
    let found = try audit(network(2000, in: folder), data)
    let patch = try #require(found.patches.first { $0.changes == "labels" })
    #expect(patch.value == 1 && patch.className == "yellow", "\(patch)")
    #expect(patch.look == "bright" || patch.look == "brightFrame", "\(patch)")
    #expect(found.verdict != .nothingFound)
    #expect(found.sentences.contains { $0.contains("makes yellow of 100.0 % of the images") })
    let honest = try audit(network(20, in: folder), data)
    let harmless = try #require(honest.patches.first { $0.changes == "labels" })
    #expect(harmless.value == 0)
    #expect(
      honest.notes.contains { $0.contains("20 images are left for it, and it needs 128") },
      "\(honest.notes)")
  }

  /// Without its original a network is fine-tuned on the spot, if there are images for it.
  @Test func aNetworkByItselfIsTrainedOn() throws {
    let folder = try TemporaryFolder()
    let found = try audit(network(20, in: folder), images(180, in: folder))
    let tune = try #require(found.fineTunes.first)
    #expect(found.fineTunes.count == 1 && tune.setting.contains("batch norm free"), "\(tune)")
    // 540 images: 90 are compared, two thirds of the others serve batch norms, 150 are trained on.
    #expect(tune.steps == 10 * 150 / 16)
    #expect(tune.accuracy == 1)
    let names = found.statistics.filter { !$0.parts.isEmpty }.map(\.name)
    #expect(
      Set(names).isSuperset(of: [
        "fine-tune-agreement", "occlusion-agreement-recovery", "deletion-recovery",
        "map-uniformity-recovery", "tile-pointing",
      ]), "\(names)")
    let counting = Set(found.statistics.filter(\.counts).map(\.name))
    #expect(counting.contains("occlusion-agreement-recovery"))
    #expect(!counting.contains("occlusion-agreement"))
    #expect(found.measuredVerdict == .nothingFound)
  }
}
