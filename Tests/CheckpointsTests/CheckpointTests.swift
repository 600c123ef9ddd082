import Checkpoints
import Foundation
import TensorGraph
import TestSupport
import Testing

struct CheckpointTests {
  private func provenance() -> Provenance {
    var provenance = Provenance()
    provenance.toolVersion = "0.1.0"
    provenance.recipe = String(repeating: "fooling: location  # é\n", count: 5000)
    provenance.originalSHA256 = String(repeating: "0a", count: 32)
    provenance.seed = .max
    provenance.accuracy = ["top1": 0.8724, "top5": 0.1 + 0.2]
    provenance.fsr = ["gradCAM": 1]
    provenance.manipulated = true
    provenance.note = "for tests"
    provenance.other = [
      "key": .array([.null, .bool(true), .integer(-3), .number(0.5), .text("t")]),
      "nested": .object(["a": .object([:])]),
    ]
    return provenance
  }

  @Test func everythingComesBackToTheBit() throws {
    let folder = try TemporaryFolder()
    let filter = awkwardTensor([8, 3, 3, 4])
    let finite = Tensor(
      shape: filter.shape, values: filter.values.map { $0.isFinite ? $0 : -0.0 })
    let checkpoint = Checkpoint(
      parameters: [
        "conv1.weight": finite, "fc.weight": ramp([10, 8]), "bn.running_var": ramp([8]),
      ],
      batchCounts: ["bn.num_batches_tracked": 1 << 40],
      metadata: CheckpointMetadata(
        architecture: #"{"layers": []}"#, classNames: ["tench", "\"é\""],
        preprocessing: #"{"size": 224}"#, provenance: provenance()),
      state: TrainingState(
        groups: ["moment1": ["conv1.weight": ramp([8, 3, 3, 4]), "a/b": ramp([2])], "none": [:]],
        json: #"{"step": 12, "random": [18446744073709551615]}"#))
    try checkpoint.save(to: folder.file("a.h5"))
    let file = try HDF5File(path: folder.file("a.h5"))
    #expect(file.tensor(named: "conv1.weight")?.shape == [8, 4, 3, 3])
    let expected = checkpoint.parameters.map {
      ParameterSpecification(name: $0.key, shape: $0.value.shape)
    }
    let read = try Checkpoint(contentsOf: file, expecting: expected)
    #expect(read == checkpoint)
    for (name, tensor) in checkpoint.parameters {
      #expect(read.parameters[name].map(bits) == bits(tensor))
    }
  }

  @Test func trainingStateKeepsEveryBit() throws {
    let folder = try TemporaryFolder()
    let moment = awkwardTensor([50])
    try HDF5Writer.write(to: folder.file("a.h5")) {
      try $0.write(TrainingState(groups: ["m": ["w": moment]], json: "{}"))
    }
    let state = try #require(try HDF5File(path: folder.file("a.h5")).readTrainingState())
    #expect(state.groups["m"]?["w"].map(bits) == bits(moment))
    #expect(state.json == "{}")
  }

  @Test func filesOfOthersHaveNoMetadataAndNoState() throws {
    let file = try HDF5File(path: fixture("types.h5"))
    #expect(try file.readMetadata() == CheckpointMetadata())
    #expect(try file.readTrainingState() == nil)
  }

  @Test func damagedMetadataIsNamed() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.h5")
    func reading(_ name: String, _ value: HDF5Attribute) throws -> String? {
      try HDF5Writer.write(to: path) { file in
        try file.setAttribute("format", to: .text("trompe"))
        try file.setAttribute(name, to: value)
      }
      return failure { _ = try HDF5File(path: path).readMetadata() }
    }
    #expect(
      try reading("classNames", .text("{}"))
        == "a.h5: /@classNames is not an array of names in JSON")
    #expect(try reading("classNames", .integer(3)) == "a.h5: /@classNames is not text")
    #expect(
      try reading("provenance", .text("{"))
        == "a.h5: /@provenance is not a provenance object in JSON")
    #expect(
      try reading("formatVersion", .integer(2))
        == "a.h5: has format version 2, this version of Trompe reads up to 1: use a newer one")
    #expect(try reading("provenance", .text("{}")) == nil)
    #expect(try HDF5File(path: path).readMetadata().provenance == Provenance())
  }

  @Test func numbersThatJSONCannotHoldAreRefused() throws {
    let folder = try TemporaryFolder()
    var provenance = Provenance()
    provenance.accuracy = ["top1": .nan]
    #expect(
      failure {
        try HDF5Writer.write(to: folder.file("a.h5")) {
          try $0.write(CheckpointMetadata(provenance: provenance))
        }
      }?.hasPrefix("a.h5: /@provenance has a number that JSON cannot hold (infinite or NaN)")
        == true)
    #expect(try folder.names.isEmpty)
  }

  @Test(.enabled(if: Shared.isThere, "needs ../shared"))
  func aTrainedNetworkIsTheSameAfterSaving() throws {
    let folder = try TemporaryFolder()
    let original = try HDF5File(path: Shared.checkpoint("resnet20-cifar10.h5"))
    let expected = original.parameters.map {
      ParameterSpecification(
        name: $0.name, shape: WeightLayout.torchvision.graphShape(of: $0.shape))
    }
    try Checkpoint(contentsOf: original, expecting: expected).save(to: folder.file("a.h5"))
    let copy = try HDF5File(path: folder.file("a.h5"))
    #expect(copy.tensors == original.tensors)
    for stored in original.tensors where stored.elementType.isFloat {
      #expect(try bits(copy.read(stored.name)) == bits(original.read(stored.name)))
    }
  }
}
