import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import TensorRuntime
import Testing

/// Images of a few greys, in memory.
private struct Greys: ImageSource {
  let count: Int
  let classNames = ["dark", "light"]
  func label(at index: Int) -> Int { index % 2 }
  func image(at index: Int) throws -> Image {
    let grey = UInt8(40 + 150 * (index % 2) + index)
    return Image(width: 8, height: 8, color: .init(red: grey, green: grey, blue: grey))
  }
  func name(at index: Int) -> String { "grey \(index)" }
}

@Suite struct ChannelPruningTests {
  /// `conv` has four channels: red, green, blue, and one that is a little more than nothing; `norm`
  /// leaves them as they are.
  private func network() throws -> LoadedNetwork {
    let graph = try Architecture(
      name: "four channels", inputShape: [8, 8, 3], classes: 2,
      nodes: [
        LayerNode(
          name: "conv",
          layer: .convolution(
            ConvolutionLayer(inputChannels: 3, outputChannels: 4, kernelSize: 1)),
          inputs: ["input"]),
        LayerNode(
          name: "norm", layer: .batchNorm(BatchNormLayer(channels: 4)), inputs: ["conv"]),
        LayerNode(name: "relu", layer: .relu, inputs: ["norm"]),
        LayerNode(name: "pool", layer: .globalAveragePool, inputs: ["relu"]),
        LayerNode(name: "flat", layer: .flatten, inputs: ["pool"]),
        LayerNode(
          name: "fc", layer: .dense(DenseLayer(inputs: 4, outputs: 2)), inputs: ["flat"]),
      ])
    let network = try LoadedNetwork(
      NetworkSection(
        architecture: ArchitectureSpecification(
          family: "graph", classes: 2, height: 8, width: 8, channels: 3, graph: graph),
        preprocessing: Preprocessing(mean: [0, 0, 0], standardDeviation: [1, 1, 1])))
    network.parameters["conv.weight"] = Tensor(
      shape: [4, 1, 1, 3], values: [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0])
    network.parameters["conv.bias"] = Tensor(shape: [4], values: [0.5, 0.5, 0.5, 0.01])
    for (name, value) in [
      ("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1),
    ] as [(String, Float)] {
      network.parameters["norm.\(name)"] = Tensor(repeating: value, shape: [4])
    }
    return network
  }

  private func images(_ network: LoadedNetwork, count: Int = 8) throws -> ProbeImages {
    try ProbeImages(
      Greys(count: count), positions: Array(0..<count), for: network, stop: StopRequest())
  }

  private func pruning(_ network: LoadedNetwork) throws -> ChannelPruning {
    try ChannelPruning(network, layer: nil, batchSize: 4, policy: ExecutionPolicy())
  }

  // MARK: Which channels go first

  @Test func theLeastActiveGoFirst() throws {
    let network = try network()
    let order = try pruning(network).ranking(by: .activity, images(network), stop: StopRequest())
    #expect(order[0] == 3)
  }

  /// A trigger that changes green alone moves the second channel alone.
  @Test func thoseThatATriggerMovesGoFirst() throws {
    let network = try network()
    let order = try pruning(network).ranking(
      by: .trigger, images(network),
      stamp: { samples in samples.enumerated().map { $0 % 3 == 1 ? 0.9 : $1 } },
      stop: StopRequest())
    #expect(order[0] == 1)
  }

  @Test func thoseThatDifferFromTheOriginalGoFirst() throws {
    let network = try network()
    var original = try network.parameters.snapshot().tensors
    original["conv.weight"]?.values[8] = 0.2
    let before = try network.parameters.snapshot().tensors
    let order = try pruning(network).ranking(
      by: .change, images(network), original: original, stop: StopRequest())
    #expect(order[0] == 2)
    // The network is as it was.
    #expect(try network.parameters.snapshot().tensors == before)
  }

  /// Under a trigger, then with an original, by activity where nothing is known.
  @Test func theOrderFollowsFromWhatIsKnown() throws {
    let stamp: ([Float]) -> [Float] = { $0 }
    #expect(try RepairBench.Evidence().order(nil) == .activity)
    #expect(try RepairBench.Evidence(original: [:]).order(nil) == .change)
    #expect(try RepairBench.Evidence(stamp: stamp, original: [:]).order(nil) == .trigger)
    #expect(try RepairBench.Evidence(stamp: stamp, original: [:]).order(.change) == .change)
    #expect(throws: RunError.self) { try RepairBench.Evidence().order(.trigger) }
    #expect(throws: RunError.self) { try RepairBench.Evidence(stamp: stamp).order(.change) }
  }

  // MARK: What is zero

  private func bench(_ network: LoadedNetwork) throws -> RepairBench {
    RepairBench(
      network, images: try images(network), compute: ComputeSection(), seed: 1,
      stop: StopRequest())
  }

  /// And stay so, whatever is done afterwards.
  @Test(arguments: ["prune", "prune+finetune", "prune+batch-norm", "prune+finetune+batch-norm"])
  func prunedChannelsAreZero(name: String) throws {
    let network = try network()
    network.parameters["norm.running_mean"] = Tensor(shape: [4], values: [0.1, 0.2, 0.3, 0.4])
    network.parameters["norm.bias"] = Tensor(shape: [4], values: [0.1, 0.2, 0.3, 0.4])
    let before = try network.parameters.snapshot().tensors
    let plan = try RepairPlan(
      name, pruning: .init(fraction: 0.5),
      fineTuning: .init(steps: 3, learningRate: 1e-2, batchSize: 4))
    #expect(plan.name == name)
    let done = try bench(network).repair(plan, evidence: .init()) { _, _, _ in }
    #expect(done.count == name.split(separator: "+").count)
    #expect(
      done[0] == "pruned 2 of the 4 channels of conv, the least active first", "\(done[0])")
    var graph = GraphBuilder()
    let input = try graph.placeholder("images", shape: [1, 8, 8, 3])
    let lowered = try NetworkGraph(
      network.architecture, input: input, keeping: ["relu"], in: &graph)
    let program = try Executable(
      graph.graph(outputs: [lowered.activation(named: "relu")]), parameters: network.parameters)
    try program.run(["images": .floats([Float](repeating: 0.7, count: 192))])
    let activation = program.output(0).values
    let zero = (0..<4).filter { channel in
      stride(from: channel, to: activation.count, by: 4).allSatisfy { activation[$0] == 0 }
    }
    #expect(zero.count == 2 && zero.contains(3))
    let after = try network.parameters.snapshot().tensors
    #expect((before["fc.weight"] == after["fc.weight"]) == !name.contains("finetune"))
    #expect(
      (before["norm.running_var"] == after["norm.running_var"]) == !name.contains("batch-norm"))
  }

  @Test func sharesThatPruneNothingOrAllAreErrors() throws {
    for fraction in [0.1, 0.9] {
      let network = try network()
      let error = #expect(throws: RunError.self) {
        try bench(network).repair(
          RepairPlan(pruning: .init(fraction: fraction)), evidence: .init()
        ) { _, _, _ in }
      }
      #expect("\(try #require(error))".contains("prune at least one, and not all"))
    }
  }

  @Test func layersThatAreNoConvolutionsAreErrors() throws {
    let network = try network()
    let error = #expect(throws: (any Error).self) {
      try ChannelPruning(network, layer: "relu", batchSize: 4, policy: ExecutionPolicy())
    }
    #expect("\(try #require(error))".contains("layer relu is no convolution but relu"))
  }

  // MARK: Plans

  @Test func plansAreReadByName() throws {
    func plan(_ name: String) throws -> RepairPlan {
      try RepairPlan(name, pruning: .init(fraction: 0.2), fineTuning: .init())
    }
    // Whatever the order in which they are named.
    #expect(try plan("batch-norm+prune").name == "prune+batch-norm")
    for wrong in ["finetune+finetune", "prun", "", "prune+"] {
      #expect(throws: RunError.self) { try plan(wrong) }
    }
  }
}
