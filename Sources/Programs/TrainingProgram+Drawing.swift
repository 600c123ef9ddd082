import ImageData
import Networks

/// What a step draws at random: functions of the training's seed and of the step.
extension TrainingProgram {
  /// The numbers by which `SampledInterpreter.variation` knows the images of a training step, by row:
  /// every step has noise of its own, whatever the chunks.
  public static func noiseIdentities(seed: UInt64, step: Int, count: Int) -> [Int] {
    noiseIdentities(seed: seed, step: step, rows: 0..<count)
  }

  private static func noiseIdentities(
    seed: UInt64, step: Int, rows: some Sequence<Int>
  ) -> [Int] {
    rows.map { row in
      var random = RandomGenerator(seed: seed, step, row)
      return Int(truncatingIfNeeded: random.next())
    }
  }

  /// Of the images that are computed here.
  func noiseIdentities(seed: UInt64, step: Int) -> [Int] {
    Self.noiseIdentities(seed: seed, step: step, rows: rows.positions)
  }

  /// `directions` of a step: a function of the training's seed and the step.
  /// - Parameter part: of the batch, that is computed here.
  package static func directions(
    count: Int, seed: UInt64, step: Int, part: BatchPart = .whole
  ) -> [Float] {
    var random = RandomGenerator(seed: seed, step, 1)
    return BatchRows(count: count, part: part).drawn(count, draws: 2, from: &random) {
      Float($0.normal())
    }
  }

  /// A mask of a step for the images that are computed here: 0 with the layer's probability, else 1 / (1
  /// − it); a function of the training's seed and the step.
  package func draw(
    _ mask: NetworkGraph.DropoutMask, seed: UInt64, step: Int
  ) -> [Float] {
    let layer = mask.name.utf8.reduce(UInt64(14_695_981_039_346_656_037)) {  // FNV-1a
      ($0 ^ UInt64($1)) &* 1_099_511_628_211
    }
    var random = RandomGenerator(seed: seed ^ layer, step)
    return rows.drawn(mask.shape.count, from: &random) {
      $0.uniform() < mask.rate ? 0 : Float(1 / (1 - mask.rate))
    }
  }
}
