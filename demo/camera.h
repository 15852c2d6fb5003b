/* SPDX-License-Identifier: GPL-2.0-only */
/* How to ask a V4L2 capture device for a format, also one with several planes */
#ifndef CAMERA_H
#define CAMERA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include <linux/videodev2.h>

/* The type of the camera's buffers, 0 if it is none */
static inline unsigned int camera_type(int fd)
{
	struct v4l2_capability cap;

	if (ioctl(fd, VIDIOC_QUERYCAP, &cap))
		return 0;
	return cap.device_caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE ?
		V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

static inline bool is_multiplanar(unsigned int type)
{
	return type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
}

static inline struct v4l2_format camera_format(unsigned int type, uint32_t width,
					       uint32_t height, uint32_t fourcc)
{
	struct v4l2_format fmt = { .type = type };

	if (is_multiplanar(type)) {
		fmt.fmt.pix_mp.width = width;
		fmt.fmt.pix_mp.height = height;
		fmt.fmt.pix_mp.pixelformat = fourcc;
	} else {
		fmt.fmt.pix.width = width;
		fmt.fmt.pix.height = height;
		fmt.fmt.pix.pixelformat = fourcc;
	}
	return fmt;
}

#endif
