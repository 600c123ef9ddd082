import Foundation

/// Where recipes and checkpoints of this repository are.
enum Repository {
  static let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../..").standardizedFileURL
  static let root = url.path
}

/// A few steps of the built-in recipe on a few of its images.
enum SmallRun {
  static func fool(_ output: String, steps: Int, _ more: [String] = []) -> [String] {
    [
      "fool", Repository.root + "/recipes/shapes-location-gradcam.yaml", "--output", output,
      "--set", "training.steps=\(steps)", "--set", "data.shapes.train=64",
      "--set", "data.shapes.validation=50", "--set", "training.logEvery=1",
      "--set", "training.warmupSteps=0",
    ] + more
  }

  /// The lines of a run's log, without how fast it was.
  static func metrics(_ folder: String) -> [String] {
    ((try? String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8)) ?? "")
      .split(separator: "\n").map { String($0.replacing(/"imagesPerSecond":[^,]*,/, with: "")) }
  }
}
