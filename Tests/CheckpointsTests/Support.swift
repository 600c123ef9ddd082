import Checkpoints
import Foundation
import TensorGraph

/// A folder of its own for one test, removed at the end.
struct TemporaryFolder: ~Copyable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/checkpoints-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

/// The path of a file made by tools/make_checkpoint_fixtures.py.
func fixture(_ name: String) -> String {
  Bundle.module.resourceURL!.appendingPathComponent("Fixtures/" + name).path
}

func contents(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

/// The error's text, with the folder of the file omitted.
func failure(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch let error as CheckpointError {
    let folder = (error.path as NSString).deletingLastPathComponent
    return error.description.replacingOccurrences(of: folder + "/", with: "")
  } catch {
    return "not a CheckpointError: \(error)"
  }
}

/// Floats of every kind, the awkward ones first: signed zeros, subnormals, infinities, NaN payloads.
func awkwardTensor(_ shape: Shape) -> Tensor {
  let awkward: [UInt32] = [
    0x8000_0000, 0x0000_0001, 0x7f80_0000, 0xff80_0000, 0x7fc0_1234, 0xffff_ffff, 0x7f7f_ffff,
  ]
  var bits = awkward.prefix(shape.count).map { $0 }
  var word: UInt32 = 1
  while bits.count < shape.count {
    word = word &* 1_664_525 &+ 1_013_904_223
    bits.append(word)
  }
  return Tensor(shape: shape, values: bits.map { Float(bitPattern: $0) })
}

func bits(_ tensor: Tensor) -> [UInt32] { tensor.values.map(\.bitPattern) }

func ramp(_ shape: Shape) -> Tensor {
  Tensor(shape: shape, values: (0..<shape.count).map { Float($0) })
}
