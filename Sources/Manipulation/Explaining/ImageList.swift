import Foundation
import ImageData

/// The image files that a user has named, one by one or by folder.
public enum ImageList {
  /// - Parameter paths: files, taken as they are, and folders: all .jpg, .jpeg and .png files in
  ///   them and their folders, in byte order; hidden ones are passed over.
  /// - Throws: `RunError` for a path that is not there and a folder without images.
  public static func files(at paths: [String]) throws -> [String] {
    try paths.flatMap { path -> [String] in
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw RunError("\(path): no such file or folder")
      }
      guard isFolder.boolValue else { return [path] }
      guard let names = FileManager.default.enumerator(atPath: path) else {
        throw RunError("\(path): the folder cannot be read")
      }
      let root = path.hasSuffix("/") ? String(path.dropLast()) : path
      let found = names.compactMap { $0 as? String }
        .filter { name in
          !name.split(separator: "/").contains { $0.hasPrefix(".") }
            && ImageFolder.extensions.contains((name as NSString).pathExtension.lowercased())
        }
        .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      guard !found.isEmpty else {
        throw RunError("\(path): the folder holds no .jpg, .jpeg or .png file")
      }
      return found.map { "\(root)/\($0)" }
    }
  }
}
