import RunSupport
import Sweeps
import Testing

@Suite struct SweepGridTests {
  @Test func theLastKeyChangesFastest() throws {
    let grid = try SweepGrid(["a.b=1,2", " c = x , y,z"], seeds: 3, from: 7)
    #expect(grid.axes.map(\.key) == ["a.b", "c"])
    #expect(
      grid.points == [["1", "x"], ["1", "y"], ["1", "z"], ["2", "x"], ["2", "y"], ["2", "z"]])
    #expect(grid.seeds == [7, 8, 9])
  }

  @Test func withoutKeysThereIsOnePoint() throws {
    #expect(try SweepGrid([], seeds: 2, from: 0).points == [[]])
  }

  @Test func commasInBracketsAndQuotationsDivideNothing() throws {
    let grid = try SweepGrid(
      ["fooling={name: top-k, k: [1, 2]},location,'a, b',\"c}, d\""], seeds: 1, from: 1)
    #expect(
      grid.axes[0].values == ["{name: top-k, k: [1, 2]}", "location", "'a, b'", "\"c}, d\""])
  }

  @Test(arguments: [
    (["lambda"], "--grid lambda: expected key=value,value, e.g. --grid fooling.lambda=1,4,16"),
    (["=1,2"], "--grid =1,2: expected key=value,value, e.g. --grid fooling.lambda=1,4,16"),
    (["a=1,,2"], "--grid a=1,,2: value 2 is empty; write ~ for a key that is not set"),
    (["a=1,2,1"], "--grid a=1,2,1: 1 is given twice"),
    (
      ["a=1", "a=2"],
      "--grid a is given twice; list all its values after one --grid, with commas between"
    ),
    (
      ["training.seed=1,2"],
      "--grid training.seed and --seeds both say which seeds; give one of them"
    ),
  ])
  func whatIsNoGridIsNamed(axes: [String], message: String) {
    #expect { try SweepGrid(axes, seeds: 2, from: 1) } throws: { "\($0)" == message }
  }

  @Test func seedsAreAtLeastOneAndFitTheirType() {
    #expect { try SweepGrid([], seeds: 0, from: 1) } throws: {
      "\($0)" == "--seeds is 0, expected 1 or more"
    }
    #expect(throws: RunError.self) { try SweepGrid([], seeds: 2, from: .max) }
  }

  @Test func aGridOfTooManyRunsIsRefused() {
    let values = (0..<1000).map { "\($0)" }.joined(separator: ",")
    #expect(throws: RunError.self) {
      try SweepGrid(["a=\(values)", "b=\(values)"], seeds: 1, from: 1)
    }
  }

  @Test func partsAreNamedFromOne() throws {
    let part = try SweepPart("2/3")
    #expect(part.index == 2 && part.count == 3)
    for text in ["0/3", "4/3", "1", "1/0", "a/b", "1/2/3", "-1/2"] {
      #expect(throws: RunError.self, "\(text)") { try SweepPart(text) }
    }
  }
}

@Suite struct SweepPaceTests {
  @Test func coresAreSharedByAsManyRunsAsFitIntoMemory() {
    func pace(cores: Int, free: Int?, runs: Int) -> [Int] {
      let pace = SweepRun.Pace(cores: cores, runBytes: 10, freeBytes: free, runs: runs)
      return [pace.atOnce, pace.threads]
    }
    #expect(pace(cores: 8, free: 1000, runs: 100) == [8, 1])
    #expect(pace(cores: 8, free: 25, runs: 100) == [2, 4])
    #expect(pace(cores: 8, free: 1000, runs: 3) == [3, 2])
    // One run is begun in any case: what it takes is an estimate.
    #expect(pace(cores: 8, free: 3, runs: 100) == [1, 8])
    #expect(pace(cores: 8, free: nil, runs: 100) == [8, 1])
  }
}
