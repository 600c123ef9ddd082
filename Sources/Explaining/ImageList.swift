import Foundation
import ImageData
import RunSupport

/// The image files that a user has named, one by one or by folder.
public enum ImageList {
  /// - Parameter paths: files, taken as they are, and folders: all images in
  ///   them and their folders, as `ImageFolder` has them; hidden ones are passed over.
  /// - Throws: `RunError` for a path that is not there and a folder without images, `ImageError` for a
  ///   folder that cannot be read or a name that is not UTF-8.
  public static func files(at paths: [String]) throws -> [String] {
    let folders = Set(folders(of: paths))
    return try paths.flatMap { path -> [String] in
      guard FileManager.default.fileExists(atPath: path) else {
        throw RunError("\(path): no such file or folder")
      }
      guard folders.contains(path) else { return [path] }
      let root = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
      let found = try ImageFolder.images(below: root)
      guard !found.isEmpty else { throw RunError("\(path): the folder holds no image") }
      return found
    }
  }
  /// Those of the paths that are folders.
  public static func folders(of paths: [String]) -> [String] {
    paths.filter { path in
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        && isFolder.boolValue
    }
  }
}
