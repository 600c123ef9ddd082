import Attacks
import Checkpoints
import Explanations
import Foundation
import ImageData
import Recipes
import RunSupport

/// The files and folders that a command reads, as they were named.
public struct RunInputs: Sendable {
  public var files: [String]
  /// Of images.
  public var folders: [String]

  public init(files: [String?] = [], folders: [String] = []) {
    (self.files, self.folders) = (files.compactMap(\.self), folders)
  }

  package init(_ network: NetworkSection, _ data: DataSection, composites: Bool = false) {
    self.init(files: [network.checkpoint])
    if case .folders(let train, let validation) = data.source { folders += [train, validation] }
    if composites, case .folders(let train, let validation) = data.composites {
      folders += [train, validation]
    }
  }

  /// The folders of training images that projected explanations name.
  package mutating func addImages(of interpreters: [InterpreterSpecification]) {
    folders += interpreters.flatMap(\.projections).compactMap(\.images)
  }

  /// Which of the files an entry of a folder is, whatever names lead to it.
  package func file(behind name: String, in folder: OpenFolder) -> String? {
    guard let identity = folder.identity(of: name) else { return nil }
    return files.first { OpenFolder.Identity(ofPath: $0) == identity }
  }

  /// - Parameter name: the folder's, for messages; its path if `nil`.
  /// - Throws: `RunError` if a folder is one of images, or lies in one: what is written there would
  ///   be taken for classes and images.
  package func checkImages(around folder: OpenFolder, as name: String? = nil) throws {
    let around = Set(folder.identitiesUpwards)
    for images in folders {
      if let identity = OpenFolder.Identity(ofPath: images), around.contains(identity) {
        throw RunError(
          "\(name ?? folder.path) is in the folder of images \(images), which is read; name another "
            + "--output")
      }
    }
  }

  /// The same of a file or folder that need not be there yet.
  package func checkImages(aroundPath path: String) throws {
    var there = path
    while !there.isEmpty, OpenFolder.Identity(ofPath: there) == nil {
      there = there.parentPath
    }
    // Of a file that is there, the folder around it counts.
    for place in [there, there.parentPath] {
      guard let folder = try? OpenFolder(place.isEmpty ? "." : place) else { continue }
      return try checkImages(around: folder, as: path)
    }
    // Whoever makes the folder says what stands against it.
  }

  /// - Throws: `RunError` if a file that a command would write is one that it reads.
  public func check(target path: String) throws {
    guard let identity = OpenFolder.Identity(ofPath: path),
      let file = files.first(where: { OpenFolder.Identity(ofPath: $0) == identity })
    else { return }
    throw RunError(Self.refusal(path, file))
  }

  /// - Throws: `RunError` if no file can be written there, so that nobody works for nothing.
  package func checkWritable(_ path: String) throws {
    guard !path.isEmpty else { throw RunError("the output has no name; name a file") }
    let target = try FileTarget(path)
    guard target.kind != .folder else { throw RunError("\(path) is a folder; name a file in it") }
    let around = target.folder.path
    guard FileManager.default.isWritableFile(atPath: around) else {
      throw RunError("nothing can be written to the folder \(around); name another file")
    }
  }

  package static func refusal(_ target: String, _ file: String) -> String {
    "\(target) would be replaced, but it is \(target == file ? "" : "\(file), ")what this command "
      + "reads; name another --output"
  }
}

extension FoolingRecipe {
  package var inputs: RunInputs {
    var inputs = RunInputs(network, data, composites: true)
    inputs.files += fooling.files
    inputs.addImages(of: interpreters + evaluation.interpreters.listed)
    return inputs
  }
}

extension TrainingRecipe {
  package var inputs: RunInputs { RunInputs(network, data) }
}

extension AttackRecipe {
  package var inputs: RunInputs {
    var inputs = RunInputs(network, data)
    inputs.files += [attack.target].compactMap(\.self)
    return inputs
  }
}

extension InfluenceRecipe {
  package var inputs: RunInputs { RunInputs(network, data) }
}

extension StudyRecipe {
  package var inputs: RunInputs {
    var inputs = RunInputs(network, data, composites: true)
    inputs.files += study.checkpoints.map(\.file)
    inputs.files += study.checkpoints.flatMap { $0.fooling?.files ?? [] }
    inputs.addImages(of: study.checkpoints.compactMap(\.interpreter))
    inputs.addImages(of: [interpreter] + evaluation.interpreters.listed)
    inputs.files += (fooling?.files ?? []) + [attack?.target].compactMap(\.self)
    return inputs
  }
}
