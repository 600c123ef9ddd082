import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorReference
import TensorRuntime
import TensorTestSupport
import Testing

/// 3×3 convolutions may be computed by Winograd F(4×4, 3×3), by our own kernels or by oneDNN in blocked
/// copies, and 1×1 convolutions by his inner product. The numbers are those of the plain sums up
/// to rounding, and the same at every run.
@Suite(.everyInstructionSet) struct WinogradTests {
  typealias Case = ConvolutionCase
  /// Sizes for which the algorithms pay, multiples of their tiles or not.
  static let cases = [
    Case(images: 2, height: 20, width: 20, channels: 64, filters: 64),
    Case(images: 1, height: 30, width: 17, channels: 48, filters: 80),
    Case(images: 3, height: 9, width: 23, channels: 32, filters: 64),
    // Small images of few channels, and filters so large that gradients in them are left to oneDNN.
    Case(images: 5, height: 8, width: 8, channels: 16, filters: 16),
    Case(images: 7, height: 7, width: 5, channels: 80, filters: 48),
    Case(images: 2, height: 14, width: 13, channels: 160, filters: 144),
    // Few tiles of large filters, an odd number of blocks.
    Case(images: 4, height: 8, width: 7, channels: 272, filters: 304),
    // Gradients in filters by plain sums, shared as pixels, and as filters in two strips.
    Case(images: 2, height: 20, width: 20, channels: 64, filters: 128, side: 1),
    Case(images: 3, height: 29, width: 23, channels: 144, filters: 128, side: 1),
    Case(images: 7, height: 7, width: 7, channels: 272, filters: 304, side: 1),
    Case(images: 1, height: 28, width: 29, channels: 320, filters: 1024, side: 1),
  ]
  static let products = cases[7...]
  /// Strided points and windows, and the gradient in the filters of small images: sums over the points
  /// of a window.
  static let windows = [
    Case(images: 2, height: 17, width: 16, channels: 512, filters: 528, side: 1, stride: 2),
    Case(images: 4, height: 15, width: 18, channels: 256, filters: 512, stride: 2),
    Case(images: 7, height: 5, width: 4, channels: 272, filters: 496),
    Case(images: 6, height: 6, width: 8, channels: 512, filters: 512),
    Case(images: 12, height: 5, width: 5, channels: 512, filters: 512),
    Case(images: 6, height: 9, width: 18, channels: 256, filters: 256, side: 5, stride: 2),
    // Many taps in a sum, more than fit in one part, an odd number of blocks, strides beyond the window.
    Case(images: 2, height: 34, width: 33, channels: 128, filters: 144, side: 5, stride: 2),
    Case(images: 2, height: 37, width: 32, channels: 240, filters: 128, side: 7, stride: 2),
    Case(images: 3, height: 31, width: 34, channels: 128, filters: 256, side: 1, stride: 3),
    Case(images: 3, height: 15, width: 14, channels: 512, filters: 128, stride: 2),
    // No second row that a stride would omit.
    Case(images: 160, height: 1, width: 2, channels: 256, filters: 128, side: 1, stride: 2),
  ]
  /// Images of a few channels.
  static let narrow = [
    Case(images: 3, height: 47, width: 38, channels: 3, filters: 64, side: 7, stride: 2),
    Case(images: 1, height: 33, width: 32, channels: 5, filters: 48, side: 5),
    Case(images: 2, height: 29, width: 24, channels: 6, filters: 32, side: 3),
    Case(images: 3, height: 26, width: 31, channels: 3, filters: 64, side: 3),
    Case(images: 4, height: 32, width: 32, channels: 3, filters: 16, side: 3),
  ]

  /// Results that do not stay in the caches, which are written past them.
  static let large = [
    Case(images: 2, height: 91, width: 93, channels: 128, filters: 128, side: 1),
    Case(images: 1, height: 91, width: 93, channels: 32, filters: 256),
    Case(images: 1, height: 181, width: 183, channels: 3, filters: 256, side: 7, stride: 2),
  ]

  private func program(_ size: Case) throws -> Graph {
    var graph = GraphBuilder()
    let (image, filter, result) = (size.image, size.filter, size.result)
    let x = try graph.placeholder("x", shape: image)
    let w = try graph.placeholder("w", shape: filter)
    let dy = try graph.placeholder("dy", shape: result)
    let bias = try graph.placeholder("bias", shape: [size.filters])
    let window = size.window
    let sums = try graph.append(Convolution(window: window), [x, w])
    let spread = try graph.broadcast(bias, to: result)
    // The same convolution plain, and with all that may follow it.
    let twice = try graph.append(Convolution(window: window), [graph.multiply(x, 2), w])
    let followed = try graph.relu(graph.add(graph.add(twice, spread), dy))
    let dx = try graph.append(
      ConvolutionInputGradient(window: window, inputShape: image), [dy, w])
    let dw = try graph.append(ConvolutionFilterGradient(window: window), [x, dy])
    return graph.graph(outputs: [sums, followed, dx, dw])
  }

  @Test(arguments: cases + windows + narrow + large)
  func allThreeAgreeWithPlainSums(size: Case) throws {
    let graph = try program(size)
    let inputs = randomInputs(of: graph, seed: UInt64(size.channels))
    let expected = try sharedByInstructionSets(of: inputs) {
      try ReferenceEvaluator.evaluate(graph, placeholders: inputs)
    }
    let values = inputs.mapValues { Executable.Input.floats($0.tensor.values) }
    func outputs(_ options: Executable.Options) throws -> [Tensor] {
      let executable = try Executable(graph, parameters: ParameterStore([]), options: options)
      try executable.run(values)
      let first = graph.outputs.indices.map { executable.output($0) }
      try executable.run(values)
      let second = graph.outputs.indices.map { executable.output($0) }
      let isRepeated = first == second
      #expect(isRepeated, "another run")
      assumeUnequalProcessors()
      try executable.run(values)
      let third = graph.outputs.indices.map { executable.output($0) }
      let isShared = first == third
      #expect(isShared, "other shares of the work")
      return first
    }
    let ways: [Executable.Options] = [
      .init(usesWinograd: false), .init(), .init(threads: 1), .init(threads: 3),
      .init(isBatchInvariant: true), .init(blocksChannels: false),
    ]
    for options in ways {
      let outputs = try outputs(options)
      for (output, reference) in zip(outputs, expected) {
        let error = relativeError(of: output, to: reference)
        #expect(error < (options.usesWinograd ? 1e-5 : 2e-6), "\(output.shape): \(error)")
      }
    }
  }

  /// What a processor has of it is used: not a single test result may be the plain one in disguise.
  @Test func roundingDiffersWhereItIsUsed() throws {
    if InstructionSet.current.hasOwnConvolutions { try expectOtherRounding(Self.cases[0]) }
    if InstructionSet.current.hasInnerProduct {
      for size in [Self.cases[8], Self.windows[0], Self.windows[1]] {
        try expectOtherRounding(size)
      }
      // The gradient in an image of a few channels is folded. Windows of short rows are oneDNN's.
      for size in Self.narrow where size.side * size.channels >= 16 {
        try expectOtherRounding(size, outputs: [0, 1, 3])
      }
    }
  }

  private func expectOtherRounding(_ size: Case, outputs shown: [Int] = [0, 1, 2, 3]) throws {
    let graph = try program(size)
    var generator = SeededGenerator(seed: 1)
    let inputs = graph.placeholders.mapValues { id in
      ReferenceArray.random(graph.nodes[id].shape, using: &generator).tensor.values
    }
    let outputs = try [false, true].map { usesWinograd in
      let executable = try Executable(
        graph, parameters: ParameterStore([]),
        options: Executable.Options(usesWinograd: usesWinograd))
      try executable.run(inputs.mapValues { .floats($0) })
      return graph.outputs.indices.map { executable.output($0) }
    }
    for output in shown {
      let differs = outputs[0][output] != outputs[1][output]
      #expect(differs, "\(size): output \(output)")
    }
  }

  /// An image among larger ones, and a filter among larger ones, give what they give alone.
  @Test(arguments: [cases[0], cases[5], windows[3]])
  func sizesOfImagesAndFiltersDoNotMeet(size: Case) throws {
    let graph = try program(size)
    let inputs = randomInputs(of: graph, seed: 11)
    func results(_ inputs: Arrays) throws -> [Tensor] {
      let executable = try Executable(graph, parameters: ParameterStore([]))
      try executable.run(inputs.mapValues { .floats($0.tensor.values) })
      return [executable.output(0), executable.output(2)]
    }
    let given = try results(inputs)
    // The first image and its cotangent are smaller by a power of two.
    let scale = Float(sign: .plus, exponent: -40, significand: 1)
    var small = inputs
    let counts = ["x": size.image.count, "dy": size.result.count].mapValues { $0 / size.images }
    for (name, count) in counts {
      for i in 0..<count { small[name]!.values[i] *= Double(scale) }
    }
    for (before, after) in zip(given, try results(small)) {
      let count = before.values.count / size.images
      let expected = before.values.enumerated().map { $0 < count ? scale * $1 : $1 }
      #expect(after.values == expected)
    }
    // The first filter is smaller.
    small = inputs
    for i in 0..<(size.filter.count / size.filters) { small["w"]!.values[i] *= Double(scale) }
    let expected = given[0].values.enumerated().map { $0 % size.filters == 0 ? scale * $1 : $1 }
    #expect(try results(small)[0].values == expected)
  }

  /// Half of an image is 0, and the windows at its edge reach into the other half.
  @Test(arguments: [
    Case(images: 1, height: 64, width: 64, channels: 64, filters: 64),
    Case(images: 1, height: 24, width: 64, channels: 256, filters: 320),
  ])
  func windowsReachBeyondWhatIsZero(size: Case) throws {
    let graph = try program(size)
    var inputs = randomInputs(of: graph, seed: 5)
    for (name, channels) in [("x", size.channels), ("dy", size.filters)] {
      for i in 0..<(size.height / 2 * size.width * channels) { inputs[name]!.values[i] = 0 }
    }
    let expected = try sharedByInstructionSets(of: inputs) {
      try ReferenceEvaluator.evaluate(graph, placeholders: inputs)
    }
    let executable = try Executable(graph, parameters: ParameterStore([]))
    try executable.run(inputs.mapValues { .floats($0.tensor.values) })
    for (output, reference) in expected.enumerated() {
      #expect(relativeError(of: executable.output(output), to: reference) < 1e-5)
    }
  }

  /// Pixels and channels of sizes that are as far from each other as a penalty's cotangents: each
  /// result is as exact as its own pixel and filter allow, each gradient as its own channels do, and
  /// what is 0 stays 0.
  @Test(arguments: products) func smallNumbersBesideLargeOnesStayExact(size: Case) throws {
    let graph = try program(size)
    var inputs = randomInputs(of: graph, seed: 7)
    let (images, filters) = (size.images * size.height * size.width, size.filters)
    func scale(_ name: String, _ length: Int, _ exponent: (Int) -> Int?) throws {
      var array = try #require(inputs[name])
      for i in array.values.indices {
        array.values[i] *=
          exponent(i / length).map { Double(sign: .plus, exponent: $0, significand: 1) } ?? 0
      }
      inputs[name] = array
    }
    // Every pixel of x has a size of its own, 0 among them; every filter; every pixel of dy.
    try scale("x", size.channels) { $0 % 11 == 3 ? nil : $0 % 61 - 30 }
    try scale("w", size.channels) { $0 % 41 - 20 }
    try scale("dy", filters) { $0 % 13 == 5 ? nil : -(($0 * 7) % 61) }
    let expected = try sharedByInstructionSets(of: inputs) {
      try ReferenceEvaluator.evaluate(graph, placeholders: inputs)
    }
    let executable = try Executable(graph, parameters: ParameterStore([]))
    try executable.run(inputs.mapValues { .floats($0.tensor.values) })
    let (x, w, dy) = try (
      #require(inputs["x"]).values, #require(inputs["w"]).values, #require(inputs["dy"]).values
    )
    func norms(_ values: [Double], rows: Int) -> [Double] {
      let length = values.count / rows
      return (0..<rows).map { row in
        values[(row * length)..<((row + 1) * length)].reduce(0) { $0 + $1 * $1 }.squareRoot()
      }
    }
    func columnNorms(_ values: [Double], columns: Int) -> [Double] {
      var sums = [Double](repeating: 0, count: columns)
      for (i, value) in values.enumerated() { sums[i % columns] += value * value }
      return sums.map { $0.squareRoot() }
    }
    /// Errors of [rows, columns] relative to the norms of what each number is a product of.
    func expectExact(_ output: Int, _ rows: [Double], _ columns: [Double]) {
      let found = executable.output(output).values
      var worst = 0.0
      for (i, (a, e)) in zip(found, expected[output].values).enumerated() {
        let size = rows[i / columns.count] * columns[i % columns.count]
        if size == 0 {
          #expect(a == 0)
        } else {
          worst = max(worst, abs(Double(a) - e) / size)
        }
      }
      #expect(worst < 2e-6, "output \(output)")
    }
    expectExact(0, norms(x, rows: images), norms(w, rows: filters))
    expectExact(2, norms(dy, rows: images), columnNorms(w, columns: size.channels))
    expectExact(3, columnNorms(dy, columns: filters), columnNorms(x, columns: size.channels))
  }

  /// Three layers and back, of one image alone and in a batch: the same bits, where that is asked for.
  @Test func imagesDoNotDependOnTheirBatch() throws {
    func program(images: Int) throws -> Graph {
      var graph = GraphBuilder()
      let image: Shape = [images, 12, 12, 32]
      let x = try graph.placeholder("x", shape: image)
      let window = Window2D(3, stride: 1, padding: 1)
      let filters = try [[48, 3, 3, 32], [512, 1, 1, 48], [32, 3, 3, 512]].enumerated().map {
        try graph.placeholder("w\($0)", shape: Shape($1))
      }
      var y = x
      for (filter, window) in zip(filters, [window, Window2D(1), window]) {
        y = try graph.relu(graph.append(Convolution(window: window), [y, filter]))
      }
      let dx = try graph.append(
        ConvolutionInputGradient(window: window, inputShape: [images, 12, 12, 512]),
        [y, filters[2]])
      return graph.graph(outputs: [y, dx])
    }
    var generator = SeededGenerator(seed: 3)
    func random(_ shape: Shape) -> [Float] {
      ReferenceArray.random(shape, using: &generator).tensor.values
    }
    let images = (0..<5).map { _ in random([12, 12, 32]) }
    let filters: [String: Executable.Input] = [
      "w0": .floats(random([48, 3, 3, 32])), "w1": .floats(random([512, 1, 1, 48])),
      "w2": .floats(random([32, 3, 3, 512])),
    ]
    func outputs(_ rows: ArraySlice<[Float]>, threads: Int) throws -> [[Float]] {
      let executable = try Executable(
        program(images: rows.count), parameters: ParameterStore([]),
        options: .init(threads: threads, isBatchInvariant: true))
      try executable.run(filters.merging(["x": .floats(Array(rows.joined()))]) { $1 })
      return (0..<2).map { executable.output($0).values }
    }
    let together = try outputs(images[...], threads: 2)
    for row in images.indices {
      let alone = try outputs(images[row...row], threads: row % 2 + 1)
      for (own, all) in zip(alone, together) {
        #expect(own == Array(all[(row * own.count)..<((row + 1) * own.count)]), "image \(row)")
      }
    }
  }

  /// What is not a number stays visible in sums and filter gradients.
  @Test(arguments: [false, true], [cases[0], cases[8]])
  func notANumberIsKept(usesWinograd: Bool, size: Case) throws {
    let graph = try program(size)
    var inputs: [String: Executable.Input] = [:]
    for (name, id) in graph.placeholders {
      var values = [Float](repeating: 0.5, count: graph.nodes[id].shape.count)
      if name == "x" { values[values.count / 2] = .nan }
      inputs[name] = .floats(values)
    }
    let executable = try Executable(
      graph, parameters: ParameterStore([]),
      options: Executable.Options(usesWinograd: usesWinograd))
    try executable.run(inputs)
    for output in [0, 3] {
      let isThere = executable.output(output).values.contains { $0.isNaN }
      #expect(isThere, "output \(output)")
    }
  }
}
