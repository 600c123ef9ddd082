import Foundation
import TensorGraph
import TensorReference
import Testing

/// Values worked out by hand, one family of operations after the other.
struct LiteralTests {
  static let oneToNine: [Float] = [1, 2, 3, 4, 5, 6, 7, 8, 9]

  // MARK: Pointwise

  @Test func pointwiseFunctions() throws {
    func check(
      _ function: Unary.Function, _ expected: [Double],
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      try expectValues([3], expected, sourceLocation: sourceLocation) {
        try $0.unary(function, $0.array([3], [-2, 0, 4]))
      }
    }
    try check(.negate, [2, 0, -4])
    try check(.absolute, [2, 0, 4])
    try check(.square, [4, 0, 16])
    try check(.relu, [0, 0, 4])
    try check(.isPositive, [0, 0, 1])
    try check(.sign, [-1, 0, 1])
    try check(.exponential, [0.135_335_283_236_612_7, 1, 54.598_150_033_144_24])
    try check(.sigmoid, [0.119_202_922_022_117_6, 0.5, 0.982_013_790_037_908_4])
    try check(.softplus, [0.126_928_011_042_972_5, 0.693_147_180_559_945_3, 4.018_149_927_917_81])
    try expectValues([2], [0, 1.386_294_361_119_890_6]) { try $0.logarithm($0.array([2], [1, 4])) }
    try expectValues([2], [1.5, 0]) { try $0.squareRoot($0.array([2], [2.25, 0])) }
    try expectValues([2], [-0.25, 2]) { try $0.reciprocal($0.array([2], [-4, 0.5])) }
  }

  @Test func softplusAndSigmoidDoNotOverflow() throws {
    try expectValues([2], [0, 1000]) { try $0.softplus($0.array([2], [-1000, 1000])) }
    try expectValues([2], [0, 1]) { try $0.sigmoid($0.array([2], [-1000, 1000])) }
  }

  @Test func comparisonsAndExtremaAtEqualOperands() throws {
    func check(
      _ function: Binary.Function, _ expected: [Double],
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      try expectValues([3], expected, sourceLocation: sourceLocation) {
        try $0.binary(function, $0.array([3], [1, 2, 3]), $0.array([3], [2, 2, 2]))
      }
    }
    try check(.add, [3, 4, 5])
    try check(.subtract, [-1, 0, 1])
    try check(.multiply, [2, 4, 6])
    try check(.divide, [0.5, 1, 1.5])
    try check(.maximum, [2, 2, 3])
    try check(.minimum, [1, 2, 2])
    try check(.isGreater, [0, 0, 1])
    try check(.isGreaterOrEqual, [0, 1, 1])
    try check(.isEqual, [0, 1, 0])
  }

  @Test func selectIgnoresWhatItDoesNotChoose() throws {
    try expectValues([3], [1, 20, 3]) {
      try $0.select(
        $0.array([3], [1, 0, -2]), $0.array([3], [1, .nan, 3]),
        $0.array([3], [.infinity, 20, .nan])
      )
    }
  }

  // MARK: Layout and broadcast

  @Test func binaryOperandsBroadcastByNumpysRule() throws {
    try expectValues([2, 3], [11, 12, 13, 21, 22, 23]) {
      try $0.add($0.array([2, 1], [10, 20]), $0.array([3], [1, 2, 3]))
    }
  }

  @Test func layoutOperations() throws {
    let x: [Float] = [1, 2, 3, 4, 5, 6]
    try expectValues([3, 2], [1, 4, 2, 5, 3, 6]) { try $0.transpose($0.array([2, 3], x), [1, 0]) }
    try expectValues([3, 2], [1, 2, 3, 4, 5, 6]) {
      try $0.reshape($0.array([2, 3], x), to: [3, 2])
    }
    try expectValues([2, 2], [2, 3, 5, 6]) { try $0.slice($0.array([2, 3], x), axis: 1, 1..<3) }
    try expectValues([1, 2], [1, 3]) {
      try $0.append(Slice(start: [0, 0], limit: [1, 3], step: [1, 2]), [$0.array([2, 3], x)])
    }
    try expectValues([6], [0, 1, 0, 0, 2, 0]) {
      try $0.append(Pad(low: [1], high: [1], interior: [2]), [$0.array([2], [1, 2])])
    }
    try expectValues([2, 3], [1, 2, 5, 3, 4, 6]) {
      try $0.concatenate([$0.array([2, 2], [1, 2, 3, 4]), $0.array([2, 1], [5, 6])], axis: -1)
    }
  }

  // MARK: Reductions

  @Test func reductionsKeepTheirAxes() throws {
    let x: [Float] = [1, 5, 3, 4, 2, 6]
    try expectValues([2, 1], [9, 12]) { try $0.sum($0.array([2, 3], x), axes: [-1]) }
    try expectValues([1, 3], [4, 5, 6]) { try $0.maximum(of: $0.array([2, 3], x), axes: [0]) }
    try expectValues([1, 1], [1]) { try $0.minimum(of: $0.array([2, 3], x), axes: [0, 1]) }
    try expectValues([2, 1], [3, 4]) { try $0.mean($0.array([2, 3], x), axes: [1]) }
    try expectValues([], [21]) { try $0.sum($0.array([2, 3], x)) }
    try expectValues([], [3.5]) { try $0.mean($0.array([2, 3], x)) }
  }

  @Test func anAxisNamedTwiceCountsOnce() throws {
    try expectValues([1, 2], [6, 12]) {
      try $0.sum($0.broadcast($0.array([1, 2], [2, 4]), to: [3, 2]), axes: [0, -2])
    }
  }

  @Test func ofEqualsTheFirstWins() throws {
    try expectValues([2], [1, 0]) { try $0.argMax($0.array([2, 3], [2, 5, 5, 7, 7, 7])) }
    try expectValues([2, 4], [1, 0, 1, 0, 1, 1, 0, 0]) {
      try $0.topKMask($0.array([2, 4], [3, 1, 3, 2, 1, 1, 1, 1]), count: 2)
    }
  }

  @Test func oneHotOfArgMax() throws {
    try expectValues([2, 3], [0, 1, 0, 1, 0, 0]) {
      try $0.oneHot($0.argMax($0.array([2, 3], [2, 5, 5, 7, 6, 5])), depth: 3)
    }
  }

  // MARK: Matrix product

  @Test func matrixProductWithTransposes() throws {
    // [1 2; 3 4]·[5 6; 7 8] = [19 22; 43 50]
    let (a, aT): ([Float], [Float]) = ([1, 2, 3, 4], [1, 3, 2, 4])
    let (b, bT): ([Float], [Float]) = ([5, 6, 7, 8], [5, 7, 6, 8])
    for left in [false, true] {
      for right in [false, true] {
        try expectValues([2, 2], [19, 22, 43, 50]) {
          try $0.matrixProduct(
            $0.array([2, 2], left ? aT : a), $0.array([2, 2], right ? bT : b),
            transposesLeft: left, transposesRight: right)
        }
      }
    }
    try expectValues([1, 2], [14, 32]) {
      try $0.matrixProduct(
        $0.array([1, 3], [1, 2, 3]), $0.array([2, 3], [1, 2, 3, 4, 5, 6]), transposesRight: true)
    }
  }

  // MARK: Convolution

  @Test func convolutionFamilyOfA2x2Filter() throws {
    let window = Window2D(2)
    try expectValues([1, 2, 2, 1], [37, 47, 67, 77]) {
      try $0.convolution(
        $0.array([1, 3, 3, 1], Self.oneToNine), $0.array([1, 2, 2, 1], [1, 2, 3, 4]),
        window: window)
    }
    try expectValues([1, 3, 3, 1], [1, 3, 2, 4, 10, 6, 3, 7, 4]) {
      try $0.append(
        ConvolutionInputGradient(window: window, inputShape: [1, 3, 3, 1]),
        [$0.constant(1, shape: [1, 2, 2, 1]), $0.array([1, 2, 2, 1], [1, 2, 3, 4])])
    }
    try expectValues([1, 2, 2, 1], [12, 16, 24, 28]) {
      try $0.append(
        ConvolutionFilterGradient(window: window),
        [$0.array([1, 3, 3, 1], Self.oneToNine), $0.constant(1, shape: [1, 2, 2, 1])])
    }
  }

  @Test func convolutionSumsOverChannelsPerFilter() throws {
    // One pixel (1, 2); filters (10, 1) and (100, 1000).
    try expectValues([1, 1, 1, 2], [12, 2100]) {
      try $0.convolution(
        $0.array([1, 1, 1, 2], [1, 2]), $0.array([2, 1, 1, 2], [10, 1, 100, 1000]),
        window: Window2D(1))
    }
  }

  @Test func convolutionWithStrideAndLeftPadding() throws {
    // Windows at columns -1 and 1 of 1 2 3: (0, 1) and (2, 3).
    try expectValues([1, 1, 2, 1], [10, 32]) {
      try $0.convolution(
        $0.array([1, 1, 3, 1], [1, 2, 3]), $0.array([1, 1, 2, 1], [1, 10]),
        window: Window2D(height: 1, width: 2, strideX: 2, left: 1))
    }
  }

  @Test func convolutionWithDilation() throws {
    try expectValues([1, 1, 3, 1], [31, 42, 53]) {
      try $0.convolution(
        $0.array([1, 1, 5, 1], [1, 2, 3, 4, 5]), $0.array([1, 1, 2, 1], [1, 10]),
        window: Window2D(height: 1, width: 2, dilationX: 2))
    }
  }

  @Test func depthwiseConvolutionKeepsChannelsApart() throws {
    try expectValues([1, 1, 1, 2], [13, 4200]) {
      try $0.convolution(
        $0.array([1, 1, 2, 2], [1, 2, 3, 4]), $0.array([2, 1, 2, 1], [10, 1, 100, 1000]),
        window: Window2D(height: 1, width: 2), groups: 2)
    }
  }

  // MARK: Pooling

  @Test func maxPoolOfOverlappingWindows() throws {
    let x = (1...16).map(Float.init)
    try expectValues([1, 2, 2, 1], [11, 12, 15, 16]) {
      try $0.maxPool($0.array([1, 4, 4, 1], x), window: Window2D(3))
    }
    try expectValues([1, 2, 2, 1], [8, 8, 8, 8]) {
      try $0.append(MaxPoolIndex(window: Window2D(3)), [$0.array([1, 4, 4, 1], x)])
    }
  }

  @Test func overlappingWindowsAccumulateAtTheirCommonMaximum() throws {
    try expectValues([1, 3, 3, 1], [0, 0, 0, 0, 1111, 0, 0, 0, 0]) { graph in
      let x = try graph.array([1, 3, 3, 1], [0, 0, 0, 0, 9, 0, 0, 0, 0])
      let y = try graph.maxPool(x, window: Window2D(2))
      let seed = try graph.array([1, 2, 2, 1], [1, 10, 100, 1000])
      return try graph.gradient(of: y, with: [x], seed: seed)[0]
    }
  }

  @Test func paddingNeverWinsAMaximum() throws {
    let window = Window2D(3, padding: 1)
    try expectValues([1, 1, 1, 1], [-1]) {
      try $0.maxPool($0.array([1, 1, 1, 1], [-1]), window: window)
    }
    try expectValues([1, 1, 1, 1], [4]) {
      try $0.append(MaxPoolIndex(window: window), [$0.array([1, 1, 1, 1], [-1])])
    }
  }

  @Test func ofEqualTapsTheFirstIsTheMaximum() throws {
    try expectValues([1, 1, 1, 2], [0, 1]) {
      try $0.append(
        MaxPoolIndex(window: Window2D(2)),
        [$0.array([1, 2, 2, 2], [5, 1, 5, 3, 5, 3, 5, 3])])
    }
  }

  @Test func trailingColumnsOutsideAllWindowsAreNotRead() throws {
    try expectValues([1, 1, 1, 1], [2]) {
      try $0.maxPool(
        $0.array([1, 1, 3, 1], [1, 2, 9]), window: Window2D(height: 1, width: 2, strideX: 2))
    }
  }

  @Test func averagePool() throws {
    try expectValues([1, 2, 2, 1], [3, 4, 6, 7]) {
      try $0.averagePool($0.array([1, 3, 3, 1], Self.oneToNine), window: Window2D(2))
    }
    let padded = Window2D(3, padding: 1)
    try expectValues([1, 1, 1, 1], [4.0 / 9]) {
      try $0.averagePool($0.array([1, 1, 1, 1], [4]), window: padded)
    }
    try expectValues([1, 1, 1, 1], [4]) {
      try $0.averagePool($0.array([1, 1, 1, 1], [4]), window: padded, countsPadding: false)
    }
  }

  // MARK: Softmax

  @Test func logSoftmaxOfTwoClasses() throws {
    // exp(0) : exp(ln 3) = 1/4 : 3/4
    try expectValues([1, 2], [-log(4), log(0.75)], within: 1e-7) {
      try $0.logSoftmax($0.array([1, 2], [0, Float(log(3.0))]))
    }
    try expectValues([1, 2], [0.25, 0.75], within: 1e-7) {
      try $0.softmax($0.array([1, 2], [0, Float(log(3.0))]))
    }
  }

  @Test func largeLogitsDoNotOverflow() throws {
    try expectValues([2, 2], [0, -2e4, -2e4, 0]) {
      try $0.logSoftmax($0.array([2, 2], [1e4, -1e4, -1e4, 1e4]))
    }
  }

  @Test func crossEntropyIsTheMeanNegativeLogLikelihood() throws {
    // Row one: uniform over 2, ln 2. Row two: 10⁴ ahead in the wrong class.
    try expectValues([], [(log(2) + 1e4) / 2]) {
      try $0.crossEntropy(
        $0.array([2, 2], [7, 7, 1e4, 0]), labels: $0.array([2, 2], [1, 0, 0, 1]))
    }
  }

  /// ∂/∂logits = (softmax − labels) / N
  @Test func crossEntropyGradientIsSoftmaxMinusLabels() throws {
    try expectValues([2, 2], [-0.25, 0.25, 0.5, -0.5]) { graph in
      let logits = try graph.array([2, 2], [7, 7, 1e4, 0])
      let loss = try graph.crossEntropy(logits, labels: graph.array([2, 2], [1, 0, 0, 1]))
      return try graph.gradient(of: loss, with: [logits])[0]
    }
  }
}
