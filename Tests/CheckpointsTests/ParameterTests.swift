import Checkpoints
import Foundation
import TensorGraph
import Testing

struct ParameterTests {
  private let expected: [ParameterSpecification] = [
    .init(name: "features.0.weight", shape: [64, 3, 3, 3]),
    .init(name: "features.0.bias", shape: [64]),
    .init(name: "bn.num_batches_tracked", shape: []),
    .init(name: "fc.weight", shape: [10, 64]),
  ]

  @Test func loadsExactlyWhatIsExpected() throws {
    let folder = try TemporaryFolder()
    try HDF5Writer.write(to: folder.file("a.h5")) { file in
      for parameter in expected where !parameter.isBatchCount {
        try file.write(ramp(parameter.shape), as: parameter.name)
      }
      try file.write(9, as: "other.num_batches_tracked")
      try file.write(ramp([4]), as: "state/adam/m")
      try file.write(ramp([4]), as: "_metadata/x")
    }
    let loaded = try HDF5File(path: folder.file("a.h5")).load(expected)
    #expect(
      loaded.tensors == [
        "features.0.weight": ramp([64, 3, 3, 3]), "features.0.bias": ramp([64]),
        "fc.weight": ramp([10, 64]),
      ])
    #expect(loaded.batchCounts == ["other.num_batches_tracked": 9])
  }

  @Test func oneErrorListsEveryMismatch() throws {
    let folder = try TemporaryFolder()
    try HDF5Writer.write(to: folder.file("vgg19.h5")) { file in
      try file.write(ramp([3, 3, 3, 64]), as: "features.0.weight")
      try file.write(7, as: "features.0.bias")
      try file.write(ramp([2]), as: "extra/kernel")
      try file.write(ramp([2]), as: "statement")
    }
    #expect(
      failure { _ = try HDF5File(path: folder.file("vgg19.h5")).load(expected) } == """
        vgg19.h5: /features.0.weight has shape [3, 3, 3, 64], expected [64, 3, 3, 3]
        vgg19.h5: /features.0.bias has shape [], expected [64]
        vgg19.h5: /fc.weight is missing, expected [10, 64]
        vgg19.h5: /extra/kernel has shape [2], but the network has no parameter of this name
        vgg19.h5: /statement has shape [2], but the network has no parameter of this name
        """)
  }

  @Test func integersAreNoParameters() throws {
    let folder = try TemporaryFolder()
    try HDF5Writer.write(to: folder.file("a.h5")) { try $0.write(7, as: "w") }
    #expect(
      failure {
        try HDF5File(path: folder.file("a.h5")).check([.init(name: "w", shape: [])])
      } == "a.h5: /w has elements of type int64, expected floats")
  }

  @Test(arguments: [0, 7, 8, 16, 17], [Float.nan, .infinity, -.infinity])
  func namesParametersThatAreNotFinite(position: Int, value: Float) throws {
    let folder = try TemporaryFolder()
    var bad = Tensor(repeating: -.greatestFiniteMagnitude, shape: [18])
    let good = bad
    bad.values[position] = value
    try HDF5Writer.write(to: folder.file("a.h5")) { file in
      try file.write(bad, as: "bad")
      try file.write(good, as: "good")
    }
    let file = try HDF5File(path: folder.file("a.h5"))
    let parameters = ["bad", "good"].map { ParameterSpecification(name: $0, shape: [18]) }
    #expect(
      failure { _ = try file.load(parameters) }
        == "a.h5: /bad has 1 of 18 values that are not finite numbers as float32, the first is "
        + "\(value) at [\(position)]")
    var seen: [String] = []
    #expect(throws: CheckpointError.self) {
      try file.forEachParameter(parameters) { parameter, _ in seen.append(parameter.name) }
    }
    #expect(seen == ["good"])
  }

  // MARK: Layout

  @Test(
    arguments: [[2, 3, 4, 5], [1, 1, 1, 1], [4, 1, 3, 3], [4, 5, 1, 1], [0, 3, 2, 2]] as [Shape])
  func torchvisionFiltersAreTransposed(shape: Shape) {
    let file = awkwardTensor(shape)
    let graph = WeightLayout.torchvision.toGraph(file)
    let expected = file.transposed([0, 2, 3, 1])
    #expect(graph.shape == expected.shape)
    #expect(bits(graph) == bits(expected))
    #expect(WeightLayout.torchvision.graphShape(of: shape) == graph.shape)
    #expect(WeightLayout.torchvision.fileShape(of: graph.shape) == shape)
    let back = WeightLayout.torchvision.toFile(graph)
    #expect(back.shape == shape)
    #expect(bits(back) == bits(file))
  }

  @Test(arguments: [[], [5], [4, 6], [2, 3, 4]] as [Shape])
  func torchvisionLeavesOtherRanksAlone(shape: Shape) {
    let tensor = awkwardTensor(shape)
    #expect(bits(WeightLayout.torchvision.toGraph(tensor)) == bits(tensor))
    #expect(WeightLayout.torchvision.fileShape(of: shape) == shape)
    #expect(WeightLayout.torchvision.toFile(tensor).shape == shape)
  }
}
