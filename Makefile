# SPDX-License-Identifier: GPL-2.0-only
#
# Every target is a script in scripts/.

export MACHINE SUITE KERNEL ACCEL STRESS TOPIC PART MINUTES

.SILENT:
.PHONY: help demo check tree export export-check lint kunit e2e selftest bench shell series
.PHONY: move check-topics check-bisect build-coverage kunit-arches packages ready

help:
	sed -n 's/^## \{0,1\}//p' Makefile

## make demo           what it is for, on real drivers, as a transcript
## make check          lint, KUnit, selftests and end-to-end tests on every machine
##
## make tree           patches/ -> build/linux: a commit per patch, a branch per topic
## make export         build/linux -> patches/
## make export-check   do they agree?
## make move           PATCH=name.patch TOPIC=: to the end of another topic
## make series         build/series, a folder per topic, ready for git send-email
##
## make lint           checkpatch, cover letters, sparse, W=1, clang, shellcheck
## make kunit          the KUnit suites; SUITE= is a glob
## make e2e            the tests that run in the guests; STRESS=60: seconds of stress
## make selftest       the kernel tree's own selftests of cgroups
## make bench          what it costs, in instructions of the guests
## make check-topics   does every topic stand on the base with what it needs?
## make check-bisect   does every patch build and boot? PART=dirs|kernel|boot
## make build-coverage the series in configurations that no machine has
## make kunit-arches   the KUnit suites on other architectures
## make shell          a shell in a guest
##
## MACHINE=vexpress|virt|q35   instead of all (shell: vexpress)
## TOPIC=01-core               instead of all (series, check-topics)
## KERNEL=tree|tarball         a Linux 7.3.x of your own as the base
## MINUTES=70                  check leaves out what there is no time for, and says so
## ACCEL=kvm                   QEMU with KVM, which only helps q35

packages:
	scripts/packages

# The tree that the tests use: as it is, when it has work in it.
ready: packages
	scripts/tree --lax

tree: packages
	scripts/tree

export:
	scripts/export

export-check:
	scripts/export --check

series:
	scripts/series

move: ready
	scripts/move '$(PATCH)' '$(TOPIC)'

demo check lint kunit e2e selftest bench shell check-topics check-bisect build-coverage kunit-arches: ready
	scripts/$@
