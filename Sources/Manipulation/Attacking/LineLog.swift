import Foundation

/// A file of one JSON object per line, written as a run goes.
final class LineLog {
  private let path: String
  private let handle: FileHandle
  private let encoder = JSONEncoder()

  /// An empty file; an old one of that name is replaced.
  init(_ path: String) throws {
    self.path = path
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { try Data().write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
      throw RunError("\(path) cannot be written: \(describe(error))")
    }
    guard let handle = FileHandle(forWritingAtPath: path) else {
      throw RunError("\(path) cannot be opened for writing")
    }
    self.handle = handle
  }

  func append(_ line: some Encodable) throws {
    do {
      try handle.write(contentsOf: encoder.encode(line) + [UInt8(ascii: "\n")])
    } catch { throw RunError("\(path) cannot be written: \(describe(error))") }
  }

  deinit { try? handle.close() }
}
