import Checkpoints
import Explanations
import Foundation
import ImageData
import Manipulation
import RunTestSupport
import TensorCPU
import TensorGraph
import Testing

@Suite struct RepairRunTests {
  private static let checkpoint = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../checkpoints/shapes-resnet.h5").standardizedFileURL.path
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func run(
    _ file: String, _ plan: RepairPlan, to name: String = "repaired.h5",
    change: (inout RepairRequest) -> Void = { _ in }
  ) throws -> RepairSummary {
    var request = RepairRequest(
      network: NetworkSection(checkpoint: file), images: .shapes(count: 160, seed: 3), plan: plan,
      seed: 2)
    change(&request)
    return try RepairRun(request, on: CPUExecutor()).run(writing: folder(name))
  }

  /// The built-in network with running statistics that are not those of its images.
  private func damaged() throws -> String {
    let network = try LoadedNetwork(NetworkSection(checkpoint: Self.checkpoint))
    for name in network.parameters.names where name.hasSuffix("running_var") {
      network.parameters.withValues(of: name) { values in
        for index in values.indices { values[index] *= 9 }
      }
    }
    var provenance = Provenance()
    provenance.manipulated = true
    provenance.note = "Made for a test."
    provenance.other["kept"] = .text("as it is")
    try network.save(to: folder("damaged.h5"), provenance: provenance)
    return folder("damaged.h5")
  }

  @Test func freshStatisticsBringAccuracyBack() throws {
    let summary = try run(damaged(), RepairPlan(refreshesBatchNorm: true))
    #expect(summary.before.top1 < 0.7)
    #expect(summary.after.top1 > summary.before.top1 + 0.2)
    #expect(summary.repair == "batch-norm")
    #expect(summary.done.count == 1 && summary.done[0].hasPrefix("batch-norm statistics"))
    #expect(summary.images == 120 && summary.validationImages == 40)
    #expect(summary.before.fsr.isEmpty && summary.original == nil)
    // Nothing but the statistics has changed.
    let before = try parameters(folder("damaged.h5"))
    let after = try parameters(folder("repaired.h5"))
    #expect(Set(before.keys) == Set(after.keys))
    for (name, values) in before {
      #expect((values == after[name]) == !name.contains("running"), "\(name)")
    }
  }

  @Test func aFineTuneBringsAccuracyBack() throws {
    let summary = try run(
      damaged(), RepairPlan(fineTuning: .init(steps: 40, learningRate: 1e-3, batchSize: 16)))
    #expect(summary.after.crossEntropy < summary.before.crossEntropy - 0.1)
    let before = try parameters(folder("damaged.h5"))
    for (name, values) in try parameters(folder("repaired.h5")) where name.contains("running") {
      #expect(values == before[name], "\(name)")
    }
  }

  /// What was done stands in the file, after what was known of it; who has manipulated it is no more
  /// honest for it.
  @Test func provenanceSaysWhatWasDone() throws {
    let first = try run(damaged(), RepairPlan(refreshesBatchNorm: true))
    _ = try run(
      folder("repaired.h5"),
      RepairPlan(pruning: .init(fraction: 0.1, order: .activity)), to: "again.h5")
    let provenance = try #require(
      CheckpointFile(path: folder("again.h5")).metadata.provenance)
    #expect(provenance.manipulated == true)
    #expect(provenance.other["kept"] == .text("as it is"))
    let note = try #require(provenance.note)
    #expect(note.hasPrefix("Made for a test. Repaired: batch-norm statistics"))
    #expect(note.contains("Repaired: pruned"))
    #expect(
      Set(provenance.accuracy.keys) == [
        "before.top1", "before.top5", "repaired.top1", "repaired.top5",
      ])
    guard case .array(let repairs)? = provenance.other["repairs"], repairs.count == 2,
      case .object(let one) = repairs[0], case .object(let two) = repairs[1]
    else {
      Issue.record("\(provenance.other)")
      return
    }
    #expect(one["repair"] == .text("batch-norm") && two["repair"] == .text("prune"))
    #expect(one["from"] == .text(try sha256(ofFile: folder("damaged.h5"))))
    #expect(two["from"] == .text(try sha256(ofFile: folder("repaired.h5"))))
    #expect(first.toolVersion == Trompe.version)
  }

  /// The original's own maps pass no test that compares with them; the fooled network's may.
  @Test func heatmapsAreTestedBeforeAndAfter() throws {
    let summary = try run(damaged(), RepairPlan(refreshesBatchNorm: true)) {
      $0.original = Self.checkpoint
      $0.fooling = FoolingSpecification(name: "top-k", lambda: 1)
      $0.interpreters = [InterpreterSpecification(name: "grad-cam", layer: "layer4")]
    }
    let original = try #require(summary.original)
    #expect(original.fsr == ["grad-cam": 0])
    #expect(Set(summary.before.fsr.keys) == ["grad-cam"])
    #expect(summary.after.testLoss["grad-cam"]! > summary.before.testLoss["grad-cam"]!)
    #expect(summary.interpreters == ["grad-cam"] && summary.fooling == "top-k")
  }

  @Test func triggersAreMeasured() throws {
    let patch = Image(width: 6, height: 6, color: .white)
    try patch.writePNG(to: folder("patch.png"))
    let summary = try run(
      Self.checkpoint, RepairPlan(pruning: .init(fraction: 0.1))
    ) {
      $0.original = Self.checkpoint
      $0.fooling = FoolingSpecification(name: "trigger", lambda: 1)
      $0.fooling?.effect.attack = .redHerring
      $0.fooling?.effect.label = "1"
      $0.fooling?.trigger = TriggerSpecification(patch: folder("patch.png"))
      $0.interpreters = [InterpreterSpecification(name: "grad-cam", layer: "layer4")]
    }
    #expect(summary.done[0].hasSuffix("those that the trigger moves most first"))
    let triggered = try #require(summary.after.triggers.first)
    #expect(triggered.successRate != nil && triggered.triggeredToTarget != nil)
    // Before the repair the network is the original.
    #expect(summary.before.triggers[0].cleanToOriginal?.mse == 0)
    #expect(triggered.cleanToOriginal!.mse > 0)
  }

  // MARK: Errors

  private func message(
    _ plan: RepairPlan, change: (inout RepairRequest) -> Void = { _ in }
  ) -> String {
    do { _ = try run(Self.checkpoint, plan, change: change) } catch { return "\(error)" }
    return "no error"
  }

  @Test func whatCannotBeIsRefusedInOneSentence() throws {
    let plan = RepairPlan(refreshesBatchNorm: true)
    #expect(message(RepairPlan()) == "no repair is named, so nothing is to be done")
    #expect(
      message(plan) { $0.interpreters = [InterpreterSpecification(name: "simple-grad")] }
        .contains("add --against"))
    #expect(
      message(plan) { $0.fooling = FoolingSpecification(name: "location", lambda: 1) }
        .contains("give --against and --interpreter"))
    #expect(
      message(RepairPlan(fineTuning: .init(batchSize: 4000))).contains(
        "fewer than one batch of 4000"))
    #expect(!FileManager.default.fileExists(atPath: folder("repaired.h5")))
  }

  /// A file from nowhere may be anything, before and after.
  @Test func whatNobodySaidStaysUnknown() throws {
    let network = try LoadedNetwork(NetworkSection(checkpoint: Self.checkpoint))
    try network.save(to: folder("unknown.h5"))
    _ = try run(folder("unknown.h5"), RepairPlan(refreshesBatchNorm: true))
    let provenance = try #require(CheckpointFile(path: folder("repaired.h5")).metadata.provenance)
    #expect(provenance.manipulated == nil && provenance.toolVersion == Trompe.version)
  }

  /// Images of the built-in classes in folders, one of them damaged.
  private func images(_ count: Int) throws -> String {
    let source = ShapesDataset(count: count, seed: 5, split: .validation)
    for index in 0..<count {
      let path = folder("images/\(source.classNames[source.label(at: index)])")
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try source.image(at: index).writePNG(to: "\(path)/\(index).png")
    }
    try Data("no picture".utf8).write(
      to: URL(fileURLWithPath: folder("images/\(source.classNames[0])/bad.png")))
    return folder("images")
  }

  @Test func damagedImagesAreNamed() throws {
    var request = RepairRequest(
      network: NetworkSection(checkpoint: Self.checkpoint), images: .folder(try images(60)),
      plan: RepairPlan(refreshesBatchNorm: true))
    var warnings: [String] = []
    for seed in 0..<2 {
      request.seed = UInt64(seed)
      _ = try RepairRun(request, on: CPUExecutor()) {
        if case .warning(let text) = $0 { warnings.append(text) }
      }.run(writing: folder("repaired.h5"))
    }
    // Among those that repair or those that are measured on.
    #expect(warnings.count { $0.contains("bad.png is omitted") } == 2, "\(warnings)")
  }

  /// Neither a new file among images that are read nor one of them, and nothing that cannot be written.
  @Test func imagesAreNeverReplaced() throws {
    let data = try images(40)
    let plan = RepairPlan(refreshesBatchNorm: true)
    let picture = try #require(
      FileManager.default.subpaths(atPath: data)?.first { $0.hasSuffix("3.png") })
    func refusal(_ target: String) -> String {
      var request = RepairRequest(
        network: NetworkSection(checkpoint: Self.checkpoint), images: .folder(data), plan: plan)
      request.validation = data
      do {
        _ = try RepairRun(request, on: CPUExecutor()).run(writing: target)
        return "no error"
      } catch { return "\(error)" }
    }
    let before = try sha256(ofFile: "\(data)/\(picture)")
    for target in ["\(data)/\(picture)", "\(data)/new.h5", data] {
      #expect(refusal(target).contains("is in the folder of images"), "\(target)")
    }
    #expect(try sha256(ofFile: "\(data)/\(picture)") == before)
    #expect(refusal(folder("nowhere/x.h5")).contains("there is no folder"))
    #expect(refusal("").contains("has no name"))
    #expect(refusal(folder(".")).contains("is a folder"))
  }

  /// Built-in images have built-in classes; only who names the classes may say that they are these.
  @Test func imagesOfOtherClassesAreRefused() throws {
    let network = try LoadedNetwork(NetworkSection(checkpoint: Self.checkpoint))
    let names = (0..<10).map { "breed \($0)" }
    network.classNames = names
    try network.save(to: folder("breeds.h5"))
    let plan = RepairPlan(refreshesBatchNorm: true)
    let error = #expect(throws: RunError.self) { try run(folder("breeds.h5"), plan) }
    #expect(error?.description.contains("the network's classes are breed 0, breed 1") == true)
    let summary = try run(folder("breeds.h5"), plan) { $0.network.classNames = names }
    #expect(summary.before.top1 > 0.8)
  }

  @Test func theNetworkItselfIsNeverReplaced() throws {
    let file = try damaged()
    let before = try sha256(ofFile: file)
    let error = #expect(throws: (any Error).self) {
      _ = try run(file, RepairPlan(refreshesBatchNorm: true), to: "damaged.h5")
    }
    #expect("\(try #require(error))".contains("what this command reads"))
    #expect(try sha256(ofFile: file) == before)
  }
}
