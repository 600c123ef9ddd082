import Sweeps
import Testing

@Suite struct SweepSummaryTests {
  private func result(
    _ values: [String], seed: UInt64 = 1, drop: Double, fsr: Double, fsrs: [String: Double] = [:],
    control: Double? = nil
  ) -> SweepSummary.Result {
    SweepSummary.Result(
      name: values.joined(separator: "-") + "-\(seed)", values: values, seed: seed, steps: 10,
      interpreter: "grad-cam", top1Original: 0.9, top1: 0.9 - drop / 100, drop: drop,
      fsrOriginal: 0.1, fsr: fsr, fsrs: fsrs, dropOfControl: control, fsrOfControl: control)
  }

  private func summary(_ axes: [String], _ results: [SweepSummary.Result]) throws -> SweepSummary {
    SweepSummary(
      recipe: "r.yaml", grid: try SweepGrid(axes, seeds: 2, from: 1), runs: results.count,
      results: results)
  }

  /// Of 1, 2 and 6: (4 + 1 + 9) / 2 = 7.
  @Test func standardDeviationsAreThoseOfASample() {
    let spread = SweepSummary.Spread(of: [1, 2, 6])
    #expect(spread.mean == 3)
    #expect(spread.standardDeviation == 7.0.squareRoot())
    #expect(SweepSummary.Spread(of: [5]).standardDeviation == nil)
  }

  @Test func pointsAreMeansOverTheirSeeds() throws {
    let points = try summary(
      ["a=x,y"],
      [
        result(["x"], seed: 1, drop: 1, fsr: 0.5), result(["x"], seed: 2, drop: 3, fsr: 0.75),
        result(["y"], seed: 1, drop: 0, fsr: 0.25),
      ]
    ).points
    #expect(points.map(\.values) == [["x"], ["y"]])
    #expect(points.map(\.seeds) == [[1, 2], [1]])
    #expect(points.map(\.drop.mean) == [2, 0] && points.map(\.fsr.mean) == [0.625, 0.25])
    #expect(points[0].drop.standardDeviation == 2.0.squareRoot())
    #expect(points[1].fsr.standardDeviation == nil)
  }

  /// b loses no less than a and fools less; e is equal to a in both, so neither is better.
  @Test func aPointIsParetoOptimalIfNoneIsBetterInOneAndNoWorseInTheOther() throws {
    let points = try summary(
      ["k=a,b,c,d,e"],
      [
        result(["a"], drop: 1, fsr: 0.5), result(["b"], drop: 1, fsr: 0.4),
        result(["c"], drop: 2, fsr: 0.9), result(["d"], drop: 3, fsr: 0.8),
        result(["e"], drop: 1, fsr: 0.5),
      ]
    ).points
    #expect(points.filter(\.isParetoOptimal).map { $0.values[0] } == ["a", "c", "e"])
  }

  @Test func theTableHasEveryDigitAndQuotesCommas() throws {
    let summary = try summary(
      ["fooling={name: location, lambda: 1},top-k"],
      [
        result(
          ["{name: location, lambda: 1}"], drop: 0.1 + 0.2, fsr: 1, fsrs: ["grad-cam": 1]),
        result(["top-k"], drop: 0, fsr: 0, fsrs: ["lrp": 0.5], control: 0.25),
      ])
    #expect(
      summary.table == """
        run,fooling,seed,steps,interpreter,top1_original,top1,drop,fsr_original,fsr,fsr grad-cam,fsr lrp,drop_control,fsr_control
        "{name: location, lambda: 1}-1","{name: location, lambda: 1}",1,10,grad-cam,0.9,0.897,0.30000000000000004,0.1,1.0,1.0,,,
        top-k-1,top-k,1,10,grad-cam,0.9,0.9,0.0,0.1,0.0,,0.5,0.25,0.25

        """)
  }
}
