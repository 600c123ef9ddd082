import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

/// A gradient in an image takes what follows it: a residual, the mask of a ReLU and the sum over all
/// pixels. By kernels that do it on the way and by those that need a second pass, it is what the
/// operations one by one give.
@Suite(.everyInstructionSet) struct FinishedGradientTests {
  typealias Case = ConvolutionCase
  static let cases = [
    // The inner product: points, strided windows with phases of several sizes or none, single taps.
    Case(images: 3, height: 13, width: 9, channels: 128, filters: 64, side: 1, stride: 1),
    Case(images: 2, height: 15, width: 18, channels: 144, filters: 256, side: 3, stride: 2),
    Case(images: 2, height: 21, width: 20, channels: 256, filters: 512, side: 1, stride: 2),
    Case(images: 7, height: 7, width: 6, channels: 512, filters: 512, side: 3, stride: 1),
    Case(images: 4, height: 26, width: 27, channels: 128, filters: 128, side: 5, stride: 3),
    // Tiles, whole and cut.
    Case(images: 2, height: 20, width: 18, channels: 64, filters: 48, side: 3, stride: 1),
    // oneDNN, and few channels.
    Case(images: 2, height: 9, width: 9, channels: 24, filters: 40, side: 3, stride: 2),
    Case(images: 2, height: 12, width: 11, channels: 3, filters: 16, side: 3, stride: 1),
  ]
  enum Following: CaseIterable { case mask, residual, both }

  private func program(_ size: Case, _ following: Following) throws -> Graph {
    var graph = GraphBuilder()
    let (window, image) = (size.window, size.image)
    let w = try graph.placeholder("w", shape: size.filter)
    let given = try graph.placeholder("dy", shape: size.result)
    let x = try graph.placeholder("x", shape: image)
    // Images of convolutions, so that they may stand in blocks.
    let y = try graph.append(Convolution(window: window), [x, w])
    let dy = try graph.multiply(graph.relu(y), given)
    let residual = try graph.append(
      ConvolutionInputGradient(window: window, inputShape: image), [y, w])
    let mask = try graph.relu(residual)
    var dx = try graph.append(
      ConvolutionInputGradient(window: window, inputShape: image), [dy, w])
    if following != .mask { dx = try graph.add(residual, dx) }
    if following != .residual { dx = try graph.multiply(dx, graph.isPositive(mask)) }
    let sums = try graph.sum(dx, axes: [0, 1, 2])
    return graph.graph(outputs: [dx, sums])
  }

  @Test(arguments: cases, Following.allCases)
  func agreesWithTheOperationsOneByOne(size: Case, following: Following) throws {
    let graph = try program(size, following)
    let inputs = randomInputs(of: graph, seed: UInt64(size.channels))
    let expected = try sharedByInstructionSets(of: inputs) {
      try ReferenceEvaluator.evaluate(graph, placeholders: inputs)
    }
    let ways: [Executable.Options] = [
      .init(), .init(threads: 1), .init(threads: 3), .init(usesWinograd: false),
      .init(blocksChannels: false), .init(isBatchInvariant: true), .init(recomputes: true),
    ]
    for options in ways {
      let executable = try Executable(graph, parameters: ParameterStore([]), options: options)
      let isOne = executable.plan.kernels.contains { $0.name.hasSuffix("+ sums") }
      #expect(isOne)
      try executable.run(inputs.mapValues { .floats($0.tensor.values) })
      let first = [0, 1].map { executable.output($0) }
      assumeUnequalProcessors()
      try executable.run(inputs.mapValues { .floats($0.tensor.values) })
      let isSame = first == [0, 1].map { executable.output($0) }
      #expect(isSame, "other shares of the work")
      for (output, reference) in zip([0, 1], expected) {
        let error = relativeError(of: executable.output(output), to: reference)
        // A mask that is nearly 0 may fall on either side of it.
        #expect(error < 1e-4, "output \(output)")
      }
    }
  }

  /// What is masked is 0, but what is not a number stays visible behind a mask and in the sums.
  @Test(arguments: [cases[0], cases[5], cases[6]])
  func notANumberIsKept(size: Case) throws {
    var graph = GraphBuilder()
    let (window, image) = (size.window, size.image)
    let w = try graph.placeholder("w", shape: size.filter)
    let dy = try graph.placeholder("dy", shape: size.result)
    let mask = try graph.placeholder("mask", shape: image)
    let gradient = try graph.append(
      ConvolutionInputGradient(window: window, inputShape: image), [dy, w])
    let dx = try graph.multiply(gradient, graph.isPositive(mask))
    let sums = try graph.sum(dx, axes: [0, 1, 2])
    let built = graph.graph(outputs: [dx, sums])
    var inputs: [String: [Float]] = [:]
    for (name, id) in built.placeholders {
      inputs[name] = [Float](
        repeating: name == "mask" ? -1 : 0.5, count: built.nodes[id].shape.count)
    }
    let executable = try Executable(built, parameters: ParameterStore([]))
    try executable.run(inputs.mapValues { .floats($0) })
    #expect(executable.output(0).values.allSatisfy { $0 == 0 })
    #expect(executable.output(1).values.allSatisfy { $0 == 0 })
    inputs["dy"]![inputs["dy"]!.count / 2] = .nan
    try executable.run(inputs.mapValues { .floats($0) })
    #expect(executable.output(0).values.contains { $0.isNaN })
    #expect(executable.output(1).values.contains { $0.isNaN })
  }
}
