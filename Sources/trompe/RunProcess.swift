import Foundation
import Manipulation
import TensorRuntime

/// What a run is given where it may be one of several processes: alone it is the whole.
///
/// Process 0 tells and writes. Each of the others does the same run in a temporary folder, which holds
/// what the run is resumed from, and is silent unless it fails alone.
struct RunProcess {
  let group: MPIGroup?
  /// Where this process writes.
  let output: String
  let stop: StopRequest
  let observe: (RunEvent) -> Void
}

extension DetailOptions {
  /// Does `body` as `watching` does, in as many processes as `mpirun` has started.
  /// - Parameters:
  ///   - output: the folder of the run.
  ///   - resume: whether it goes on from what is there.
  ///   - body: the run.
  /// - Returns: `nil` in all processes but the first.
  func watching<Result>(
    in output: @autoclosure () -> String, resume: Bool, _ body: (RunProcess) throws -> Result
  ) throws -> Result? {
    try watching { stop, observe in
      guard let group = try MPIGroup.joined() else {
        return try body(
          RunProcess(group: nil, output: output(), stop: stop, observe: observe))
      }
      let isFirst = group.rank == 0
      let folder = try isFirst ? nil : ProcessFolder()
      defer { folder?.remove() }
      do {
        let path = folder?.path ?? output()
        if resume { try ResumedFiles.send(from: path, to: folder, in: group) }
        if isFirst { observe(.note("\(group.count) processes share every batch")) }
        let result = try body(
          RunProcess(
            group: group, output: path, stop: stop, observe: isFirst ? observe : { _ in }))
        group.end()
        return isFirst ? result : nil
      } catch let error as RunStopped {
        group.end()
        guard isFirst else { return nil }
        throw error
      }
    }
  }
}

/// A temporary folder of one process. Those of processes that were killed go when another begins.
private struct ProcessFolder {
  private static let prefix = "trompe-process-"

  let path: String

  init() throws {
    let place = FileManager.default.temporaryDirectory.path
    Self.removeLeft(in: place)
    var template = Array(
      "\(place)/\(Self.prefix)\(ProcessInfo.processInfo.processIdentifier)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw RunError("\(place): no folder can be made there: \(String(cString: strerror(errno)))")
    }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  /// - Parameter place: where others make theirs as well; what is not ours cannot be removed, and stays.
  private static func removeLeft(in place: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
    for name in names where name.hasPrefix(prefix) {
      let parts = name.dropFirst(prefix.count).split(separator: "-")
      guard parts.count == 2, let id = Int32(parts[0]), id > 0 else { continue }
      var facts = stat()
      guard lstat("\(place)/\(name)", &facts) == 0, facts.st_uid == geteuid(),
        facts.st_mode & S_IFMT == S_IFDIR, kill(id, 0) != 0, errno == ESRCH
      else { continue }
      try? FileManager.default.removeItem(atPath: "\(place)/\(name)")
    }
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// The files that a run is resumed from, which the first process has.
private enum ResumedFiles {
  /// Bytes that are sent at a time.
  private static let piece = 1 << 24

  private struct Entry: Codable {
    let name: String
    let bytes: Int
  }

  /// - Parameters:
  ///   - path: of the run's folder, in the first process.
  ///   - folder: of this one, if it is another.
  static func send(from path: String, to folder: ProcessFolder?, in group: MPIGroup) throws {
    let list = try JSONEncoder().encode(folder == nil ? entries(in: path) : [])
    let entries = try JSONDecoder().decode(
      [Entry].self, from: Data(group.gather(Array(list))[0]))
    for entry in entries {
      let source = folder == nil ? FileHandle(forReadingAtPath: "\(path)/\(entry.name)") : nil
      defer { try? source?.close() }
      let target = try folder.map { try file(entry.name, in: $0) }
      defer { try? target?.close() }
      for start in stride(from: 0, to: entry.bytes, by: piece) {
        let count = min(piece, entry.bytes - start)
        let part = Array(try source?.read(upToCount: count) ?? Data())
        guard folder != nil || part.count == count else {
          throw RunError("\(path)/\(entry.name) became shorter while it was read")
        }
        let bytes = try group.gather(part)[0]
        try target?.write(contentsOf: Data(bytes))
      }
    }
  }

  /// States, what they were begun with, and the log; those of a control as well.
  private static func entries(in path: String) -> [Entry] {
    let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    return names.sorted().compactMap { name in
      let parts = name.split(separator: "/")
      let own = parts.first == "control" ? parts.dropFirst() : parts[...]
      guard own.first == "states" || ["recipe.yaml", "metrics.jsonl"].contains(own.first ?? ""),
        let facts = try? FileManager.default.attributesOfItem(atPath: "\(path)/\(name)"),
        facts[.type] as? FileAttributeType == .typeRegular, let bytes = facts[.size] as? Int
      else { return nil }
      return Entry(name: name, bytes: bytes)
    }
  }

  private static func file(_ name: String, in folder: ProcessFolder) throws -> FileHandle {
    let path = "\(folder.path)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let file = FileHandle(forWritingAtPath: path)
    else { throw RunError("\(path) cannot be written") }
    return file
  }
}
