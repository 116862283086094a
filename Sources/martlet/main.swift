// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Runtime

ProcessControl.exit(CommandTable.run(CommandLine.arguments))
