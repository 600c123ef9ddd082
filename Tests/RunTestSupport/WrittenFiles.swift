import Checkpoints
import Foundation
import TensorGraph

public func lines(_ path: String) throws -> [String] {
  try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
}

/// Lines without what may differ between equal runs.
public func comparable(_ path: String) throws -> [String] {
  try lines(path).map { line in
    line.replacing(/"imagesPerSecond":[^,]*,/, with: "")
  }
}

public func parameters(_ path: String) throws -> [String: [Float]] {
  let file = try HDF5File(path: path)
  var values: [String: [Float]] = [:]
  for tensor in file.parameters where !tensor.name.hasSuffix("num_batches_tracked") {
    values[tensor.name] = try file.read(tensor.name).values
  }
  return values
}
