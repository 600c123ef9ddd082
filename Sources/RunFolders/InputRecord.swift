import Checkpoints
import Foundation
import ImageData
import Programs
import RunSupport

/// What the files and images were that a run was begun with, so that it is not resumed with others.
public struct InputRecord: Codable, Hashable, Sendable {
  public struct File: Codable, Hashable, Sendable {
    public var path: String
    public var sha256: String
  }
  /// The images of one folder, in the order of the data.
  public struct Split: Codable, Hashable, Sendable {
    /// `train`, `validation`, …
    public var name: String
    public var path: String
    public var count: Int
    /// SHA-256 over a line of the list for each image.
    public var sha256: String
  }

  public var files: [File] = []
  public var splits: [Split] = []
  /// A line for each image: split, label, bytes and name. Not part of a state: `states/inputs.txt`.
  package private(set) var list: [[String]] = []

  private enum CodingKeys: String, CodingKey { case files, splits }

  public init() {}

  /// - Throws: `CheckpointError` if it cannot be read.
  package mutating func add(file path: String?, sha256 known: String? = nil) throws {
    guard let path else { return }
    files.append(File(path: path, sha256: try known ?? sha256(ofFile: path)))
  }

  /// Built-in images and those made of others follow from the recipe, and are not listed.
  package mutating func add(_ name: String, _ source: any ImageSource) {
    guard let folder = source as? any ListedImages else { return }
    let hash = SHA256Hash()
    let lines = (0..<folder.count).map { index in
      let path = folder.name(at: index)
      let line = Self.line(name, folder, index, path)
      Array((line + "\n").utf8).withUnsafeBytes { hash.add($0) }
      return line
    }
    splits.append(
      Split(name: name, path: folder.root, count: folder.count, sha256: hash.digest()))
    list.append(lines)
  }

  private static func line(
    _ split: String, _ folder: any ListedImages, _ index: Int, _ path: String
  ) -> String {
    let size = folder.byteCount(at: index).map(String.init) ?? "unreadable"
    let root = folder.root.hasSuffix("/") ? folder.root : folder.root + "/"
    let name = path.hasPrefix(root) ? String(path.dropFirst(root.count)) : path
    return "\(split)\t\(folder.label(at: index))\t\(size)\t\(escaped(name))"
  }

  /// Every list, as it is kept beside the states.
  package var listing: Data { Data(list.joined().joined(separator: "\n").utf8) }

  package func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }

  /// - Parameters:
  ///   - begun: what the run began with.
  ///   - listing: the images of that, if they were kept.
  /// - Returns: what is not the same, in one sentence; `nil` if all is.
  package func difference(from begun: InputRecord, listing: Data?) -> String? {
    for before in begun.files {
      guard let now = files.first(where: { $0.path == before.path }) else {
        return "\(before.path) was read when the run began, and is not now"
      }
      if now.sha256 != before.sha256 {
        return
          "\(before.path) is not the file that the run began with: its SHA-256 is "
          + "\(now.sha256.prefix(16))…, and was \(before.sha256.prefix(16))…"
      }
    }
    if let new = files.first(where: { file in !begun.files.contains { $0.path == file.path } }) {
      return "\(new.path) is read, and was not when the run began"
    }
    let old = listing.map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n").map(String.init)
    }
    for (place, now) in splits.enumerated() {
      guard let before = begun.splits.first(where: { $0.name == now.name }) else {
        return "\(now.path) is read, and was not when the run began"
      }
      guard now.sha256 != before.sha256 || now.count != before.count else { continue }
      let what =
        now.count == before.count
        ? "\(now.path) holds other images than the run began with"
        : "\(now.path) holds \(grouped(now.count)) images where the run began with "
          + grouped(before.count)
      let lines = old?.filter { $0.hasPrefix(now.name + "\t") } ?? []
      // A list that was changed itself names nothing.
      guard Self.digest(lines) == before.sha256 else { return what }
      return what + Self.firstDifference(lines, list[place])
    }
    if let gone = begun.splits.first(where: { split in
      !splits.contains { $0.name == split.name }
    }) {
      return "\(gone.path) was read when the run began, and is not now"
    }
    return nil
  }

  private static func digest(_ lines: [String]) -> String {
    let hash = SHA256Hash()
    for line in lines { Array((line + "\n").utf8).withUnsafeBytes { hash.add($0) } }
    return hash.digest()
  }

  private static func firstDifference(_ old: [String], _ new: [String]) -> String {
    func fields(_ line: String) -> (bytes: String, name: String) {
      let parts = line.split(separator: "\t", maxSplits: 3, omittingEmptySubsequences: false)
      return parts.count == 4 ? (String(parts[2]), String(parts[3])) : ("", line)
    }
    let place = zip(old, new).prefix { $0 == $1 }.count
    let before = place < old.count ? fields(old[place]) : nil
    let now = place < new.count ? fields(new[place]) : nil
    guard let before else { return "; first difference: \(now?.name ?? "") was not there" }
    if let now, now.name == before.name {
      return now.bytes == before.bytes
        ? "; first difference: the class of \(before.name)"
        : "; first difference: \(before.name) has \(now.bytes) bytes, and had \(before.bytes)"
    }
    // What stood there is still there if it was only moved on by one that is new.
    if let now, !Set(old.map { fields($0).name }).contains(now.name) {
      return "; first difference: \(now.name) was not there"
    }
    return "; first difference: \(before.name)"
  }
}
